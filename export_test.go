package asynccalls

// PendingCalls returns how many calls have a place in the reply lane.
func (s *Service) PendingCalls() int {
	s.lane.mu.Lock()
	defer s.lane.mu.Unlock()
	return s.lane.slots.Len()
}

// UnreadBytes returns what the responses count for that wait to be read.
func (s *Service) UnreadBytes() int64 { return s.lane.unread.Load() }
