// SwiftPM wants one source file in every C target; the door itself is include/CLinux.h.
