// SPDX-License-Identifier: Apache-2.0

package bulk_test

import (
	"fmt"
	"log"
	"strings"

	"github.com/s3seal/s3seal/backend/bulk"
)

// What a job has done, as its journal says.
func ExampleReadJournal() {
	journal := strings.NewReader(`{"s3seal_journal":1,"operation":"rewrap","source":"s3://bucket/logs/"}
{"time":"2026-01-02T03:04:05Z","key":"logs/1","etag":"a","size":30,"outcome":"done"}
{"time":"2026-01-02T03:04:06Z","key":"logs/2","size":30,"outcome":"failed","reason":"access denied"}
{"time":"2026-01-02T03:04:07Z","key":"lo`) // the process was killed here

	job, entries, err := bulk.ReadJournal(journal)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(job.Operation, job.Source)
	for e, err := range entries {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s: %s %q\n", e.Key, e.Outcome, e.Reason)
	}
	// Output:
	// rewrap s3://bucket/logs/
	// logs/1: done ""
	// logs/2: failed "access denied"
}

// The levels that an audit tells apart, for a choice of one's own.
func ExampleAuditLevels() {
	for _, level := range bulk.AuditLevels() {
		fmt.Println(level.Name, "- V2:", level.Open.AllowUncommitted, "CBC:", level.Open.AllowLegacyCBC)
	}
	// Output:
	// v3 - V2: false CBC: false
	// v2 - V2: true CBC: false
	// legacy - V2: true CBC: true
}
