// The LabFile room.
