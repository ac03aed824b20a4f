package asynccalls

// PendingCalls returns how many calls have a place in the reply lane.
func (s *Service) PendingCalls() int {
	s.lane.mu.Lock()
	defer s.lane.mu.Unlock()
	return s.lane.slots.Len()
}
