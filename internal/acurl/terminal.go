package acurl

import (
	"context"
	"errors"
	"io"
	"os"

	"golang.org/x/term"
)

// file is a stream of the operating system, which may be a terminal.
type file interface{ Fd() uintptr }

func isTerminal(stream any) bool {
	f, ok := stream.(file)
	return ok && term.IsTerminal(int(f.Fd()))
}

// isColored reports whether what is written to a stream has colors: on a terminal, unless
// NO_COLOR is set (https://no-color.org) or it is one that knows none.
func isColored(stream any) bool {
	return isTerminal(stream) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// widthOf returns how wide a terminal is. What is none is as wide as most.
func widthOf(stream any) int {
	const usual = 80
	f, ok := stream.(file)
	if !ok {
		return usual
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil || width <= 0 {
		return usual
	}
	return width
}

// keyboard is a file that is read until ctx ends.
type keyboard struct {
	*os.File

	ctx context.Context //nolint:containedctx // Read has none
}

// Read ends with ctx. What is typed later is lost.
func (k *keyboard) Read(p []byte) (int, error) {
	var n int
	var data []byte
	err := k.until(func() (err error) {
		buffer := make([]byte, len(p))
		n, err = k.File.Read(buffer)
		data = buffer[:n]
		return err
	})
	if k.ctx.Err() != nil {
		return 0, err
	}
	return copy(p, data), err
}

// password asks for a line on stderr, and reads it without showing it.
func (k *keyboard) password(question string) (string, error) {
	fd := int(k.Fd())
	state, err := term.MakeRaw(fd) // before the question, so that not even a fast typist shows it
	if err != nil {
		return "", err
	}
	defer term.Restore(fd, state)
	var line string
	err = k.until(func() (err error) {
		line, err = term.NewTerminal(struct {
			io.Reader
			io.Writer
		}{k.File, os.Stderr}, "").ReadPassword(question)
		return err
	})
	switch {
	case errors.Is(err, io.EOF): // Ctrl-C or Ctrl-D, which have no other effect now
		return "", context.Canceled
	case err != nil:
		return "", err
	default:
		return line, nil
	}
}

// until calls read, and does not wait for it longer than ctx.
func (k *keyboard) until(read func() error) error {
	done := make(chan error, 1)
	go func() { done <- read() }() // ends with the process
	select {
	case err := <-done:
		return err
	case <-k.ctx.Done():
		return k.ctx.Err()
	}
}
