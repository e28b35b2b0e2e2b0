"""The Hypothesis machine: processes start, run, are killed, replaced and stopped in any order, on any disk.

Each rule is something that happens; each invariant is checked after each rule. Hypothesis draws the rules and
makes a failing run small. A rule lets a process make some calls in a row, a turn, so that a race is a few
lines. To narrow the machine, subclass it with other ``lives`` or ``families``; to widen it, add rules.
"""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, MultipleResults, initialize, invariant, multiple, rule

from stateful.model import invariants
from stateful.model.faults import DISK_WELL, LISTING, POWER_LOSS
from stateful.model.lifecycle import STARTING
from stateful.model.machine import DEAD_PID
from stateful.model.schedule import EXIT, Move
from stateful.python.interpreter import Interpreter
from stateful.run.presence import ExecutionWorld, living
from stateful.run.running import can_exit
from stateful.sample.conditions import has_ended, is_alive, is_stopped, may, runs, some, when
from stateful.sample.execution_machine import ExecutionMachine
from stateful.sample.turns import CALLS, CONTENT, DISK, DISKS, IT, LONG, SECONDS, TO_END, TURN, WRONG, one_of


class SingleOwnerMachine(ExecutionMachine):
    """What may happen to the processes of a home, or of two, and what must be true of them."""

    processes = Bundle("process")

    @initialize(target=processes, disk=DISK, owner=st.booleans(), faults=st.sampled_from(WRONG))
    def begin(self, disk: str, owner: bool, faults: str) -> Interpreter | MultipleResults[Interpreter]:
        """The machine comes up with a disk; perhaps a gateway runs already; these faults may happen."""
        self.faults = faults
        self.lay_out(DISKS[disk])
        return self.spawn("start", TO_END) if owner else multiple()

    # It has no precondition: Hypothesis demands that some rule applies, however many processes there were.
    @rule(target=processes, turn=TURN)
    def start(self, turn: int | str) -> Interpreter | MultipleResults[Interpreter]:
        """The gateway is started, for example by a supervisor; its first turn."""
        return self.spawn("start", turn) if self.has_room("start") else multiple()

    @when(lambda machine: machine.has_room("replace"))
    @rule(target=processes, turn=TURN)
    def replace(self, turn: int | str) -> Interpreter:
        """The gateway is started with ``--replace``."""
        return self.spawn("replace", turn)

    @when(lambda machine: machine.has_room("stop"))
    @rule(target=processes, turn=TURN)
    def stop(self, turn: int | str) -> Interpreter:
        """The gateway is stopped as planned, by another process."""
        return self.spawn("stop", turn)

    @when(lambda machine: machine.has_room("status") or machine.has_room("peek"))
    @rule(target=processes, turn=TURN, life=one_of(lambda machine: {"status", "peek"} & {*machine.lives()}))
    def query(self, turn: int | str, life: str) -> Interpreter:
        """A process asks for the gateway's pid, and may clean up (``status``) or not (``peek``)."""
        return self.spawn(life, turn)

    @when(lambda machine: machine.others() and machine.has_room())
    @rule(target=processes, turn=TURN, life=one_of(lambda machine: machine.others()))
    def other(self, turn: int | str, life: str) -> Interpreter:
        """A process of the other subject, such as the previous version."""
        return self.spawn(life, turn)

    @some(runs)
    @rule(process=processes.filter(runs), calls=CALLS)
    def run(self, process: Interpreter, calls: int) -> None:
        self.turn(process, calls)

    @some(runs)
    @rule(process=processes.filter(runs), it=st.sampled_from([*IT]))
    def run_until(self, process: Interpreter, it: str) -> None:
        """A process runs until it would do something, or has."""
        self.turn(process, it)

    @some(runs)
    @rule(process=processes.filter(runs))
    def finish(self, process: Interpreter) -> None:
        """A process runs until it owns, waits for another one, or has ended."""
        self.turn(process, TO_END)

    @some(can_exit)
    @rule(process=processes.filter(can_exit), turn=TURN, fails=st.booleans())
    def exit(self, process: Interpreter, turn: int | str, fails: bool = False) -> None:
        """The owner is asked to exit: its serve returns, or its work fails: its serve raises."""
        self.make(Move("raise" if fails and self.may("exception") else EXIT, process.letter))
        self.turn(process, turn)

    # -- what goes wrong: a rule for each fault ------------------------------------------------------------

    @may("kill")
    @some(is_alive)
    @rule(process=processes.filter(is_alive))
    def sigkill(self, process: Interpreter) -> None:
        self.note("a kill fell inside a claim" if process.phase == STARTING else "a kill")
        self.make(Move("crash", process.letter))

    @may("sigterm")
    @some(is_alive)
    @rule(process=processes.filter(is_alive), turn=TURN, inside=st.booleans())
    def sigterm(self, process: Interpreter, turn: int | str = 0, inside: bool = False) -> None:
        """SIGTERM arrives before the next call or, if a handler may run there, inside it; then a turn."""
        self.signal("term", process, inside=inside)
        self.turn(process, turn)

    @may("sigint")
    @some(is_alive)
    @rule(process=processes.filter(is_alive), turn=TURN, inside=st.booleans())
    def sigint(self, process: Interpreter, turn: int | str = 0, inside: bool = False) -> None:
        self.signal("int", process, inside=inside)
        self.turn(process, turn)

    @may("sigstop")
    @some(is_alive)
    @rule(process=processes.filter(is_alive))
    def sigstop(self, process: Interpreter) -> None:
        self.make(Move("sigstop", process.letter))

    @some(is_stopped)
    @rule(process=processes.filter(is_stopped))
    def sigcont(self, process: Interpreter) -> None:
        self.make(Move("sigcont", process.letter))

    @may("errno")
    @some(runs)
    @rule(process=processes.filter(runs), error=one_of(lambda machine: machine.errors()))
    def fail_next_call(self, process: Interpreter, error: str) -> None:
        """The next call of a process fails; does nothing if that call cannot fail so."""
        if error:
            self.make(Move(error, process.letter))

    @may("recycled-pid")
    @some(has_ended)
    @rule(process=processes.filter(has_ended), to=st.sampled_from(("recycle", "lookalike")))
    def recycle_pid(self, process: Interpreter, to: str) -> None:
        """The pid of an ended process goes to a stranger, or to a gateway of another home (``lookalike``)."""
        if process.letter in ExecutionWorld(self.execution).ended():
            self.make(Move(to, process.letter))

    @may("recycled-pid")
    @rule(to=st.sampled_from(("recycle", "lookalike")))
    def recycle_recorded_pid(self, to: str) -> None:
        self.make(Move(to, "", str(DEAD_PID)))

    @may("lost-parent")
    @when(lambda machine: ExecutionWorld(machine.execution).has_shell())
    @rule()
    def end_parent(self) -> None:
        self.make(Move("parent-gone"))

    @may("reboot")
    @rule()
    def reboot(self) -> None:
        self.make(Move("reboot"))

    @may(POWER_LOSS)
    @when(lambda machine: machine.execution.kernel.persistence is not None)
    @rule(image=one_of(lambda machine: ExecutionWorld(machine.execution).images()))
    def lose_power(self, image: str) -> None:
        """What was not synced may be missing; the image says what is left."""
        if image:
            self.make(Move(POWER_LOSS, "", image))

    @may("clock-step")
    @rule(seconds=SECONDS, back=st.booleans())
    def set_clock(self, seconds: int, back: bool) -> None:
        self.make(Move("clock", "", f"{-seconds if back else seconds:+}"))

    @may("suspend")
    @rule(seconds=SECONDS)
    def suspend(self, seconds: int) -> None:
        self.make(Move("suspend", "", str(seconds)))

    @may("long-run")
    @rule(seconds=LONG)
    def pass_time(self, seconds: int) -> None:
        """Nothing else happens for some time; does nothing while a process is at work."""
        self.make(Move("later", "", str(seconds)))

    @may("planted-link")
    @rule(name=one_of(lambda machine: [] if living(machine.execution) else machine.files()))
    def plant_link(self, name: str) -> None:
        """While no process lives, a link to another file of the user is put in the place of a file."""
        if name:
            self.make(Move("plant", "", name))

    @when(lambda machine: machine.may("bad-disk") or machine.execution.kernel.disk_fails())
    @rule(how=st.sampled_from(("disk-full", "read-only")))
    def change_disk(self, how: str) -> None:
        """The disk becomes full or read-only, or well again."""
        self.make(Move(DISK_WELL if self.execution.kernel.disk_fails() else how))

    @may("listing-order")
    @rule(order=one_of(lambda machine: machine.orders()))
    def list_in_order(self, order: str) -> None:
        """A folder that has not been listed yet lists its names in this order."""
        if order:
            self.make(Move(LISTING, "", order))

    @may("removal")
    @rule(file=one_of(lambda machine: machine.files()))
    def remove(self, file: str) -> None:
        if file:
            self.make(Move("remove", "", file))

    @may("corruption")
    @rule(file=one_of(lambda machine: machine.files()), content=CONTENT)
    def corrupt(self, file: str, content: str) -> None:
        if file:
            self.make(Move("corrupt", "", f"{file}={content}"))

    @may("lost-home")
    @rule(how=st.sampled_from(("home-gone", "home-new")))
    def lose_home(self, how: str) -> None:
        self.make(Move(how))

    # -- what must be true ---------------------------------------------------------------------------------

    @invariant()
    def at_most_one_owner(self) -> None:
        """Two live owners never coexist."""
        self.check(invariants.at_most_one_owner)

    @invariant()
    def a_dead_owner_can_be_replaced(self) -> None:
        """If every process were killed now, one start alone would become owner."""
        self.check(invariants.a_dead_owner_can_be_replaced)

    @invariant()
    def an_end_leaves_the_home_free(self) -> None:
        """After every process has ended by itself, one start alone would become owner."""
        self.check(invariants.an_end_leaves_the_home_free)

    @invariant()
    def a_stopped_owner_can_be_replaced(self) -> None:
        """Beside a stopped owner, one replace alone would become owner."""
        self.check(invariants.a_stopped_owner_can_be_replaced)

    @invariant()
    def homes_are_independent(self) -> None:
        """A gateway of one home would not keep out a start in another home."""
        self.check(invariants.homes_are_independent)

    @invariant()
    def some_contender_wins(self) -> None:
        """If nobody dies and nobody owns, concurrent starts do not all give up."""
        self.check(invariants.some_contender_wins)

    @invariant()
    def nobody_waits_for_ever(self) -> None:
        """Where nobody owns, some live process can go on."""
        self.check(invariants.nobody_waits_for_ever)

    @invariant()
    def a_start_always_ends(self) -> None:
        """A start alone owns, or ends."""
        self.check(invariants.a_start_always_ends)

    @invariant()
    def a_live_owner_is_discoverable(self) -> None:
        """While a process owns, a query alone would answer its pid."""
        self.check(invariants.a_live_owner_is_discoverable)

    @invariant()
    def an_answer_was_true_at_some_moment(self) -> None:
        """A query never answers a pid that did not own at any moment of the query."""
        self.check(invariants.an_answer_was_true_at_some_moment)

    @invariant()
    def readers_change_nothing(self) -> None:
        """A query never changes the disk while an owner lives."""
        self.check(invariants.readers_change_nothing)

    @invariant()
    def release_removes_only_own_record(self) -> None:
        """A process on its way out leaves its successor's record alone."""
        self.check(invariants.release_removes_only_own_record)

    @invariant()
    def only_the_owner_is_signalled(self) -> None:
        """No signal reaches a process that is no owner."""
        self.check(invariants.only_the_owner_is_signalled)

    @invariant()
    def a_replaced_owner_exits_clean(self) -> None:
        """A planned end has exit status 0, an unplanned one has not."""
        self.check(invariants.a_replaced_owner_exits_clean)

    @invariant()
    def only_own_files_are_changed(self) -> None:
        """Nothing else of the user's is changed through a link."""
        self.check(invariants.only_own_files_are_changed)

    @invariant()
    def only_documented_errors(self) -> None:
        """Whatever stands in the files, nothing else is raised."""
        self.check(invariants.only_documented_errors)
