/// The first sector of a disk, for firmware to start: it writes one line to COM1 and halts.
enum BootSector {
    static let line = "boot sector: ready"

    /// 16-bit code at 0x7C00.
    private static let code: [UInt8] = [
        0x31, 0xC0,  //             xor ax, ax
        0x8E, 0xD8,  //             mov ds, ax
        0xBE, 0x20, 0x7C,  //       mov si, text
        0xAC,  //             next: lodsb
        0x84, 0xC0,  //             test al, al
        0x74, 0x11,  //             jz halt
        0x88, 0xC4,  //             mov ah, al
        0xBA, 0xFD, 0x03,  //       mov dx, 0x3FD
        0xEC,  //             wait: in al, dx
        0xA8, 0x20,  //             test al, 0x20       the transmitter is empty
        0x74, 0xFB,  //             jz wait
        0x88, 0xE0,  //             mov al, ah
        0xB2, 0xF8,  //             mov dl, 0xF8
        0xEE,  //                   out dx, al
        0xEB, 0xEA,  //             jmp next
        0xF4,  //             halt: hlt
        0xEB, 0xFD,  //             jmp halt
        //                    text:
    ]

    static let bytes: [UInt8] = {
        var sector = code + Array((line + "\r\n").utf8)
        sector += [UInt8](repeating: 0, count: 510 - sector.count)
        return sector + [0x55, 0xAA]
    }()
}
