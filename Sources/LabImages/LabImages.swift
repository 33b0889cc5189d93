// The LabImages room.
