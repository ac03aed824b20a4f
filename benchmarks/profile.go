package main

import (
	"errors"
	"fmt"
	"os"
	"runtime/pprof"
)

// profile begins the profiles that a process is to write, and returns what ends
// them.
func (s *setup) profile() (stop func() error, err error) {
	stopCPU := func() error { return nil }
	if s.CPU != "" {
		if stopCPU, err = profileCPU(s.CPU); err != nil {
			return nil, err
		}
	}
	return func() error {
		err := stopCPU()
		if s.Allocs != "" {
			err = errors.Join(err, profileAllocs(s.Allocs))
		}
		return err
	}, nil
}

func profileCPU(name string) (stop func() error, err error) {
	f, err := os.Create(name)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, errors.Join(fmt.Errorf("start profile: %w", err), f.Close())
	}
	return func() error {
		pprof.StopCPUProfile()
		return f.Close()
	}, nil
}

// profileAllocs writes what was allocated since the process started.
func profileAllocs(name string) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	return errors.Join(pprof.Lookup("allocs").WriteTo(f, 0), f.Close())
}
