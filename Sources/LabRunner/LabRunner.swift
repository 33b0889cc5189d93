// The LabRunner room.
