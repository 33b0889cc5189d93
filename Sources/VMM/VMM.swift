// The VMM room.
