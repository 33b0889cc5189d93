internal import Synchronization

/// Which devices the guest's drivers have taken, each told of once: a guest that resets a device or itself over and over is no news.
final class DrivenDevices: Sendable {
    private let poster: EventPoster?
    private let known = Mutex<Set<String>>([])

    init(poster: EventPoster?) { self.poster = poster }

    @Sendable func note(_ device: String) {
        guard known.withLock({ $0.insert(device).inserted }) else { return }
        poster?.send(.deviceDriven(device: device))
    }
}
