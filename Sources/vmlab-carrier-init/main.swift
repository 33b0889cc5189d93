//! Process 1 inside a carrier: makes a minimal Linux out of the kernel's bare hands, runs the one program that the host asks
//! for, tells how it ended, and switches the carrier off.
//
// Power-on to power-off, in order: file systems and modules (Bringup), the link's port (Devices), descriptors and files as the
// host announces them (Preparation), the program and its standard streams (Supervisor).
internal import Host

do throws(OSError) {
    try Bringup.mountFileSystems()
    Bringup.offerLargePages()
    try Bringup.loadModules()
    let supervisor = try Supervisor(link: try Devices.openPort("carrier"))
    try supervisor.run()
} catch {
    // Before there is a link, the serial console is all there is; the host keeps what it says.
    Bringup.say("\(error)")
}
Bringup.powerOff()
