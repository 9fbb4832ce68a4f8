// SPDX-License-Identifier: Apache-2.0

package backendtest_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"strings"
	"time"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/backendtest"
	"github.com/s3seal/s3seal/backend/mem"
	"github.com/s3seal/s3seal/wrap"
)

// A put through a driver that faults happen to, by a hundred schedules: nothing
// tries again, so some puts fail.
func ExampleChaosDriver() {
	failed := 0
	for seed := range uint64(100) {
		d := backendtest.ChaosDriver(mem.New(), backendtest.NewSchedule(seed))
		_, err := d.Put(context.Background(), "key", strings.NewReader("text"), 4, &backend.PutOptions{})
		if err != nil {
			failed++
		}
	}
	fmt.Println("some:", failed > 0, "all:", failed == 100)
	// Output: some: true all: false
}

// Whatever goes wrong by the seeds 1 to 5, no wrong byte is read, no put succeeds
// that has not stored, and nothing is left behind.
func ExampleRunSchedule() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	key, err := wrap.NewAESGCM(make([]byte, 32)) // a real one is random
	if err != nil {
		log.Fatal(err)
	}
	for seed := range uint64(5) {
		store := mem.New()
		run := backendtest.RunSchedule(&backendtest.ChaosStorage{
			Clean: func() (backend.Driver, func()) { return store, func() {} },
			Faulty: func(s *backendtest.Schedule, _ string) (backend.Driver, func()) {
				return backendtest.ChaosDriver(store, s), func() {}
			},
			Profiles: []backendtest.ChaosProfile{{
				Name: "V3",
				Bucket: func(d backend.Driver, _ *backendtest.Schedule, dir string) *backend.Bucket {
					return backend.NewBucket(d, key, key, nil)
				},
				Verified: true,
				NoRanges: true, // which V3 does not verify
			}},
			Dir: dir,
		}, seed+1)
		for _, violation := range run.Violations {
			fmt.Println(run.Schedule, violation)
		}
	}
	fmt.Println("done")
	// Output: done
}

// What a test holds at its end is compared with what the process held before.
func ExampleCountResources() {
	before := backendtest.CountResources()
	stop := make(chan struct{})
	for range 100 { // more than may be ending of what was there before
		go func() { <-stop }()
	}
	fmt.Println("too many:", before.Exceeded(0) != "")
	close(stop)
	fmt.Println("too many:", before.Exceeded(time.Minute) != "")
	// Output:
	// too many: true
	// too many: false
}
