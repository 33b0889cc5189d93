// The LabPlan room.
