package checker

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// WriteJSON writes an event as one line, in one call of Write.
func WriteJSON(w io.Writer, e Event) error {
	line, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("write event: %w", err)
	}
	if _, err := w.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("write event: %w", err)
	}
	return nil
}

// ReadJSON reads what WriteJSON wrote. A last line without its end is what a
// process leaves that is killed while it writes: unless it is whole, it is
// ignored.
func ReadJSON(r io.Reader) ([]Event, error) {
	var events []Event
	in := bufio.NewReader(r)
	for number := 1; ; number++ {
		line, err := in.ReadBytes('\n')
		last := errors.Is(err, io.EOF)
		if err != nil && !last {
			return events, fmt.Errorf("read events: %w", err)
		}
		var e Event
		if err := json.Unmarshal(line, &e); err == nil {
			events = append(events, e)
		} else if !last {
			return events, fmt.Errorf("read events: line %d: %w", number, err)
		}
		if last {
			return events, nil
		}
	}
}
