// SPDX-License-Identifier: Apache-2.0

package s3test

import (
	"os"
	"sync"
	"testing"
)

// servers are those of this process. They are shared by all of its tests, and
// a test cannot be handed anything by its TestMain: hence the one variable.
var servers = registry{
	start: map[string]func() (*Server, *process, error){
		"versitygw": startVersitygw,
		"minio":     startMinIO,
	},
	running: make(map[string]*entry),
}

type registry struct {
	start map[string]func() (*Server, *process, error)

	mu      sync.Mutex
	allowed bool // Main is there to stop what is started
	running map[string]*entry
}

// An entry is the outcome of starting a server, a failure included: it is
// not tried again for each test.
type entry struct {
	once sync.Once
	srv  *Server
	proc *process // nil for a server that was there before
	err  error
}

func (r *registry) allow() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.allowed = true
}

func (r *registry) get(t testing.TB, name string) *Server {
	t.Helper()
	if testing.Short() {
		t.Skipf("s3test: %s is not used under -short", name)
	}
	e, ok := r.entry(name)
	if !ok {
		t.Fatal("s3test: TestMain does not call s3test.Main, so nothing would stop the server")
	}
	e.once.Do(func() { e.srv, e.proc, e.err = r.start[name]() })
	if e.err != nil && os.Getenv(requireVar) == "1" {
		t.Fatalf("s3test: %s is required by %s=1: %v", name, requireVar, e.err)
	}
	if e.err != nil {
		t.Skipf("s3test: %s cannot be had: %v", name, e.err)
	}
	return e.srv
}

func (r *registry) entry(name string) (*entry, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e, ok := r.running[name]
	if !ok {
		e = new(entry)
		r.running[name] = e
	}
	return e, r.allowed
}

// stop ends what has been started. All tests have ended by then.
func (r *registry) stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.running {
		if e.proc != nil {
			e.proc.stop()
		}
	}
}
