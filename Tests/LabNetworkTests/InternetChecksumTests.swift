import PortStream
import Testing

@Suite struct `internet checksums` {
    @Test func `zero stays zero for TCP, and has its other form for UDP, where zero means none`() {
        #expect(InternetChecksum.finished(0xFFFF, offset: 16) == 0)
        #expect(InternetChecksum.finished(0xFFFF, offset: 6) == 0xFFFF)
        for offset in [6, 16] { #expect(InternetChecksum.finished(0x1_0001, offset: offset) == 0xFFFD) }
    }
}
