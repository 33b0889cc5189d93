internal import Devices
internal import Processor

/// What processors guests can have on this host.
package struct ProcessorReport: Sendable {
    /// One line; `{"kvm":"missing", ...}` where there are none.
    package let json: String

    package static func take() -> ProcessorReport {
        do throws(KVMError) {
            let kvm = try KVM()
            return ProcessorReport(host: try kvm.supportedCPUID(), hasDeadlineTimer: try kvm.hasDeadlineTimer())
        } catch {
            return ProcessorReport(json: #"{"kvm":"\#(error.kind)","detail":"\#(escaped("\(error)"))"}"#)
        }
    }

    private init(json: String) { self.json = json }

    private init(host: [CPUID.Leaf], hasDeadlineTimer: Bool) {
        let offer = Offer(host: host, hasDeadlineTimer: hasDeadlineTimer)
        let models = CPUModel.allCases.map { model in
            #""\#(model.rawValue)":\#(Self.list(offer.missing(for: CPUChoice(model: model))))"#
        }
        json =
            #"{"kvm":"ok","maker":"\#(escaped(offer.maker))","name":"\#(escaped(offer.brand))","address_bits":\#(CPUID.addressBits(host)),"#
            + #""features":\#(Self.list(offer.features)),"lacks":{\#(models.joined(separator: ","))}}"#
    }

    private static func list(_ names: [String]) -> String { "[" + names.map { "\"\($0)\"" }.joined(separator: ",") + "]" }
}
