// The Carrier room.
