internal import PortStream

/// What a frame may ask for on its way out, and how it must look on its way in: offloads as this guest's driver accepted them.
extension VirtioNetwork.Settings {
    /// How a frame reaches the guest.
    enum Choice {
        case drop
        case whole(NetworkHeader)
        /// Its checksum made good first.
        case complete(NetworkHeader)
        /// In pieces, each complete.
        case cut(NetworkHeader)
    }

    /// Whether the guest accepted what it now asks for.
    func maySend(_ header: NetworkHeader) -> Bool {
        if header.needsChecksum, accepted & NetworkFeature.checksum == 0 { return false }
        if header.hasECN, accepted & NetworkFeature.hostECN == 0 { return false }
        switch header.segmentation {
        case .none: return true
        case .tcp4: return accepted & NetworkFeature.hostTCP4 != 0
        case .tcp6: return accepted & NetworkFeature.hostTCP6 != 0
        }
    }

    mutating func choose(_ header: NetworkHeader?, _ destination: some Collection<UInt8>) -> Choice {
        guard let header, isLinkUp else {
            counters.receiveDropped += 1
            return .drop
        }
        guard filter.wants(destination) else {
            counters.receiveFiltered += 1
            return .drop
        }
        let needed: UInt64 =
            switch header.segmentation {
            case .none: 0
            case .tcp4: NetworkFeature.guestTCP4
            case .tcp6: NetworkFeature.guestTCP6
            }
        if offloads & needed != needed { return .cut(header) }
        if header.hasECN, offloads & NetworkFeature.guestECN == 0 { return .cut(header) }
        if header.needsChecksum, offloads & NetworkFeature.guestChecksum == 0 {
            return header.segmentation == .none ? .complete(header) : .cut(header)
        }
        return .whole(header)
    }
}
