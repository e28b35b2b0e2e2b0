"""The reference: a gateway's PID file and runtime lock, with both safety and progress.

``gateway_status.status`` is the face and keeps the names that gateways already use; ``record``,
``identity`` and ``locks`` stand behind it.
"""
