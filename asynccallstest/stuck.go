package asynccallstest

import (
	"fmt"
	"runtime"
	"strings"
)

// stuck describes the panic of a bubble in which nothing can happen any more: which
// goroutines of the test wait there. Any other panic goes on.
func stuck(p any) string {
	if err, ok := p.(error); !ok || !strings.HasPrefix(err.Error(), "deadlock:") {
		panic(p) //nolint:forbidigo // it is somebody else's
	}
	buf := make([]byte, 1<<20)
	stacks := string(buf[:runtime.Stack(buf, true)])
	text := fmt.Sprintf("the test waits for something that never happens: %v", p)
	for stack := range strings.SplitSeq(stacks, "\n\n") {
		header, _, _ := strings.Cut(stack, "\n")
		if strings.Contains(header, "synctest bubble") && strings.Contains(stack, "_test.go:") {
			text += "\n\n" + stack
		}
	}
	return text
}
