// SPDX-License-Identifier: Apache-2.0

package backendtest

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"
)

// Resources are what a process holds that it might forget. Use [CountResources].
type Resources struct {
	goroutines  int
	descriptors int // 0 where the system does not tell
}

// CountResources returns what the process holds now.
func CountResources() Resources {
	r := Resources{goroutines: runtime.NumGoroutine()}
	if entries, err := os.ReadDir("/proc/self/fd"); err == nil {
		r.descriptors = len(entries)
	}
	return r
}

// Exceeded waits until the process holds no more than r, and returns "" when it
// does, and after the timeout what there is too much. What is idle, such as
// connections that are kept, must have been closed.
func (r Resources) Exceeded(timeout time.Duration) string {
	for end := time.Now().Add(timeout); ; time.Sleep(2 * time.Millisecond) {
		now := CountResources()
		if now.goroutines <= r.goroutines && now.descriptors <= r.descriptors {
			return ""
		}
		if time.Now().After(end) {
			return fmt.Sprintf("%d goroutines after %d, %d descriptors after %d\n%s",
				now.goroutines, r.goroutines, now.descriptors, r.descriptors, stacks())
		}
	}
}

// stacks returns where goroutines are, those of the tests aside.
func stacks() string {
	buf := make([]byte, 1<<20)
	buf = buf[:runtime.Stack(buf, true)]
	var b strings.Builder
	for stack := range strings.SplitSeq(string(buf), "\n\n") {
		if !strings.Contains(stack, "testing.") {
			b.WriteString(stack[:min(len(stack), 1500)] + "\n\n")
		}
	}
	return b.String()
}
