import LabNetwork
import Testing

@Test func `one port cannot fill a lab's table of addresses`() {
    #expect(Limits.addressesPerPort * 8 <= Limits.addresses)
}
