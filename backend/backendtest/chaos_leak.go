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
	return Resources{goroutines: runtime.NumGoroutine(), descriptors: countDescriptors()}
}

// countDescriptors returns 0 where the system does not tell. It opens the folder as
// a file: with the first one that a process opens come descriptors of the runtime,
// which stay, and must not look like something that was left behind. os.ReadDir
// opens none.
func countDescriptors() int {
	folder, err := os.Open("/proc/self/fd")
	if err != nil {
		return 0
	}
	defer folder.Close()
	names, err := folder.Readdirnames(-1)
	if err != nil {
		return 0
	}
	return len(names)
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
			return r.excess(now)
		}
	}
}

// excess returns what there is too much, and nothing of what there is not; with
// goroutines where they are.
func (r Resources) excess(now Resources) (left string) {
	if now.descriptors > r.descriptors {
		left = fmt.Sprintf("%d descriptors after %d\n", now.descriptors, r.descriptors)
	}
	if now.goroutines > r.goroutines {
		left += fmt.Sprintf("%d goroutines after %d\n%s", now.goroutines, r.goroutines, stacks())
	}
	return left
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
