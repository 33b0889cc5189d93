internal import Glibc
package import Host

/// A machine that was started, in either way: its streams, and how it ends.
///
/// Belongs to the thread of its event loop. Letting go of it closes its streams, and a machine whose control stream is
/// closed stops; forget the streams in the loop first (`EventLoop.remove`).
package final class MachineProcess {
    package enum Event: Hashable, Sendable {
        /// `vmlab-machine` runs: natively at once, in a carrier some seconds later. Until then nothing comes from the streams;
        /// what is written to them waits in their sockets' buffers.
        case running
        /// The last event. What the machine said is in the streams; read them to their ends.
        case ended(Ending)
    }

    package enum Ending: Hashable, Sendable {
        /// The exit status of `vmlab-machine`.
        case exited(Int32)
        case signalled(Int32)
        /// The carrier failed, and why: not the guest, nor its monitor.
        case carrierFailed(String)
    }

    private enum Way {
        case native(LeashedChild)
        case carried(CarriedProgram)
    }

    private let way: Way
    private var streams: [(name: String, descriptor: SharedDescriptor)]
    private let events: EventBox
    /// The process on this host: the monitor, or the QEMU round it.
    package let identity: ProcessIdentity

    /// Events reach their handler through this, so that a machine can be made before it is complete.
    final class EventBox {
        var handler: ((MachineProcess.Event) -> Void)?
        var said = Tail()
        var ending: Ending?

        func tell(_ event: Event) {
            guard ending == nil else { return }
            let handler = handler
            if case .ended(let how) = event {
                ending = how
                // The last event: what the handler holds on to may hold on to this.
                self.handler = nil
            }
            handler?(event)
        }
    }

    init(native child: LeashedChild, streams: [(name: String, descriptor: SharedDescriptor)], events: EventBox) {
        way = .native(child)
        self.streams = streams
        self.events = events
        identity = child.child.identity
    }

    init(
        carried program: CarriedProgram, identity: ProcessIdentity, streams: [(name: String, descriptor: SharedDescriptor)],
        events: EventBox
    ) {
        way = .carried(program)
        self.streams = streams
        self.events = events
        self.identity = identity
        program.streamsAreDrained = { [weak self] in self?.streamsAreDrained ?? true }
    }

    /// Our end of a stream of the launch: non-blocking, closed with this value. `nil`: no such stream, or closed.
    package func stream(_ name: String) -> CInt? {
        streams.first { $0.name == name }?.descriptor.number
    }

    /// Closes our end: the machine reads the end of the stream.
    package func closeStream(_ name: String) {
        streams.removeAll { $0.name == name }
    }

    /// `nil` while it runs.
    package var ending: Ending? { events.ending }

    /// The end of what `vmlab-machine` said on its standard error.
    package var errorText: String {
        switch way {
        case .native(let child): child.errors.text
        case .carried: events.said.text
        }
    }

    /// Asks `vmlab-machine` to end (SIGTERM); a carrier that is not up yet is ended at once.
    package func terminate() { signal(SIGTERM) }

    /// Ends it at once (SIGKILL), whatever that costs the guest's disks.
    package func kill() { signal(SIGKILL) }

    package func signal(_ number: CInt) {
        switch way {
        case .native(let child): child.child.signal(number)
        case .carried(let program): program.signal(number)
        }
    }

    private var streamsAreDrained: Bool {
        streams.allSatisfy { stream in
            var waiting: CInt = 0
            // Safe because the kernel writes one int.
            let result = unsafe ioctl(stream.descriptor.number, UInt(FIONREAD), &waiting)
            return result != 0 || waiting == 0
        }
    }
}
