/// The client's side of DHCP (RFC 2131, 4.4), on one interface.
final class LeaseClient {
    private var state: State
    private var transaction: UInt32 = 0
    private var began: UInt64

    /// Microseconds throughout.
    private enum State {
        /// Says DISCOVER, the `attempt`th time at `next`.
        case selecting(attempt: Int, next: UInt64)
        case requesting(LeaseMessage, attempt: Int, next: UInt64)
        /// Asks whether the lease is still good, after the cable was out.
        case verifying(Lease, attempt: Int, next: UInt64)
        case bound(Lease, next: UInt64)
    }

    private struct Lease {
        var message: LeaseMessage
        var renewal: UInt64
        var rebinding: UInt64
        var end: UInt64
    }

    private static let second: UInt64 = 1_000_000
    /// The first questions come soon after each other: somebody waits for the machine to be ready.
    private static let firstPause: UInt64 = 500_000
    private static let longestPause: UInt64 = 16 * second
    /// Until it begins anew.
    private static let mostRequests = 4
    private static let mostVerifications = 3
    private static let renewalPause = 10 * second
    private static let shortestLease: UInt32 = 10
    /// About 40 days; longer ones are renewed then.
    private static let longestLease: UInt32 = 1 << 22

    init(now: UInt64) {
        began = now
        state = .selecting(attempt: 0, next: now)
    }

    var deadline: UInt64 {
        switch state {
        case .selecting(_, let next), .requesting(_, _, let next), .verifying(_, _, let next), .bound(_, let next): next
        }
    }

    /// Seconds that the lease still has.
    func secondsLeft(now: UInt64) -> UInt64? {
        guard case .bound(let lease, _) = state else { return nil }
        return lease.end > now ? (lease.end - now) / Self.second : 0
    }

    private static func pause(_ attempt: Int) -> UInt64 { min(firstPause << UInt64(min(attempt, 10)), longestPause) }

    // MARK: Time

    /// Does what is due.
    func serve(_ interface: Interface, now: UInt64) {
        guard now >= deadline else { return }
        guard interface.isLinkUp else { return postpone(now) }
        switch state {
        case .selecting(let attempt, _):
            if attempt == 0 {
                transaction = UInt32(truncatingIfNeeded: interface.network.random())
                began = now
            }
            state = .selecting(attempt: attempt + 1, next: now &+ Self.pause(attempt))
            send(.discover, wish(now), on: interface)
        case .requesting(let offer, let attempt, _):
            guard attempt < Self.mostRequests else { return restart(now) }
            request(offer, attempt: attempt, on: interface, now: now)
        case .verifying(let lease, let attempt, _):
            guard attempt < Self.mostVerifications else {
                state = .bound(lease, next: lease.renewal)
                return
            }
            state = .verifying(lease, attempt: attempt + 1, next: now &+ Self.pause(attempt))
            var wish = wish(now)
            wish.requested = lease.message.address
            send(.request, wish, on: interface)
        case .bound(let lease, _): extend(lease, on: interface, now: now)
        }
    }

    /// Without a cable nothing is said; the time goes on.
    private func postpone(_ now: UInt64) {
        let next = now &+ Self.longestPause
        switch state {
        case .selecting: state = .selecting(attempt: 0, next: next)
        case .requesting(let offer, let attempt, _): state = .requesting(offer, attempt: attempt, next: next)
        case .verifying(let lease, let attempt, _): state = .verifying(lease, attempt: attempt, next: next)
        case .bound(let lease, _): state = .bound(lease, next: next)
        }
    }

    private func restart(_ now: UInt64) { state = .selecting(attempt: 0, next: now) }

    /// The cable is in again: asks for the same address, or for any.
    func verify(_ interface: Interface, now: UInt64) {
        transaction = UInt32(truncatingIfNeeded: interface.network.random())
        began = now
        switch state {
        case .bound(let lease, _), .verifying(let lease, _, _): state = .verifying(lease, attempt: 0, next: now)
        case .selecting, .requesting: restart(now)
        }
    }

    /// Renews with the server that leased, later with any; in the end lets go.
    private func extend(_ lease: Lease, on interface: Interface, now: UInt64) {
        guard now < lease.end else {
            lose(interface, now)
            return
        }
        if now < lease.rebinding, let server = lease.message.server {
            guard let hardware = interface.resolve(server) else {
                state = .bound(lease, next: now &+ Self.second)
                return
            }
            ask(server, hardware)
        } else {
            ask(.broadcast, .broadcast)
        }
        func ask(_ server: IPv4Address, _ hardware: MACAddress) {
            transaction = UInt32(truncatingIfNeeded: interface.network.random())
            began = now
            state = .bound(lease, next: min(now &+ Self.renewalPause, lease.end))
            var wish = wish(now)
            wish.current = lease.message.address
            send(.request, wish, to: server, hardware, on: interface)
        }
    }

    private func lose(_ interface: Interface, _ now: UInt64) {
        if let address = interface.address { interface.network.tell("pulse: lease of \(address.address) is over") }
        interface.address = nil
        interface.gateway = nil
        interface.nameServer = nil
        interface.domain = []
        interface.neighbours.forgetAll()
        restart(now)
    }

    // MARK: Messages

    func receive(_ packet: Packet, on interface: Interface) {
        guard let message = LeaseMessage(packet, transaction: transaction, hardware: interface.hardware) else { return }
        let now = interface.network.timer.now
        switch (message.kind, state) {
        case (.offer, .selecting) where message.address != .none && message.server != nil:
            request(message, attempt: 0, on: interface, now: now)
        case (.acknowledgement, .requesting), (.acknowledgement, .verifying), (.acknowledgement, .bound):
            take(message, on: interface, now: now)
        case (.refusal, .requesting): restart(now &+ Self.second)
        case (.refusal, .verifying), (.refusal, .bound): lose(interface, now)
        default: return
        }
    }

    private func request(_ offer: LeaseMessage, attempt: Int, on interface: Interface, now: UInt64) {
        state = .requesting(offer, attempt: attempt + 1, next: now &+ Self.pause(attempt))
        var wish = wish(now)
        wish.requested = offer.address
        wish.server = offer.server
        send(.request, wish, on: interface)
    }

    private func take(_ message: LeaseMessage, on interface: Interface, now: UInt64) {
        guard message.address != .none else { return }
        let seconds = min(max(message.duration, Self.shortestLease), Self.longestLease)
        let rebinding = min(message.rebinding ?? seconds / 8 * 7, seconds)
        let renewal = min(message.renewal ?? seconds / 2, rebinding)
        let lease = Lease(
            message: message, renewal: now &+ UInt64(renewal) &* Self.second, rebinding: now &+ UInt64(rebinding) &* Self.second,
            end: now &+ UInt64(seconds) &* Self.second)
        state = .bound(lease, next: lease.renewal)
        let subnet = IPv4Subnet(address: message.address, prefix: message.prefix)
        let isNews = interface.address != subnet || interface.gateway != message.gateway || interface.nameServer != message.nameServer
        interface.address = subnet
        interface.gateway = message.gateway
        interface.nameServer = message.nameServer
        interface.domain = message.domain
        guard isNews else { return }
        interface.announce()
        var text: Text = "pulse: lease \(subnet)"
        if let gateway = message.gateway { text = "\(text) gateway \(gateway)" }
        if let nameServer = message.nameServer { text = "\(text) dns \(nameServer)" }
        interface.network.tell(text)
    }

    private func wish(_ now: UInt64) -> LeaseMessage.Wish {
        LeaseMessage.Wish(transaction: transaction, seconds: UInt16(clamping: (now &- began) / Self.second))
    }

    private func send(
        _ kind: LeaseMessage.Kind, _ wish: LeaseMessage.Wish, to server: IPv4Address = .broadcast, _ hardware: MACAddress = .broadcast,
        on interface: Interface
    ) {
        let hop = Interface.Hop(source: wish.current, target: server, hardware: hardware)
        interface.send(hop, from: Interface.Port.leaseClient, to: Interface.Port.leaseServer, count: LeaseMessage.size) {
            LeaseMessage.write(kind, wish, hardware: interface.hardware, to: $0)
        }
    }
}
