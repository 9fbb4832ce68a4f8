// SPDX-License-Identifier: Apache-2.0

package envelope_test

import (
	"fmt"
	"maps"
	"runtime"
	"strings"
	"testing"

	"github.com/s3seal/s3seal/envelope"
)

// TestHostileTexts: JSON that is deep, long or full of names, in metadata and in
// instruction files, costs no more memory than a few times the most that is read
// of it, and is a MetadataError.
func TestHostileTexts(t *testing.T) {
	many := make([]string, 200_000)
	for i := range many {
		many[i] = fmt.Sprintf(`"k%d":""`, i)
	}
	texts := map[string]string{
		"deep arrays":  strings.Repeat("[", 8<<20),
		"deep objects": strings.Repeat(`{"a":`, 1<<20),
		"many names":   "{" + strings.Join(many, ",") + "}",
		"long value":   `{"a":"` + strings.Repeat("x", 8<<20) + `"}`,
		"escapes":      `{"a":"` + strings.Repeat(`\u0000`, 1<<20) + `"}`,
		"spaces":       strings.Repeat(" ", 8<<20),
		"no end":       `{"x-amz-iv":"` + strings.Repeat("A", 8<<20),
	}
	const limit = 2 << 20
	for what, text := range texts {
		meta := maps.Clone(valid()["V3"])
		meta["x-amz-m"] = text
		for _, size := range []int{len(text), 60 << 10} {
			meta["x-amz-m"] = text[:min(size, len(text))]
			used, err := allocatedBy(func() error { _, err := envelope.ParseHeader(meta); return err })
			if !isMetadata(err) || used > limit {
				t.Errorf("%s, %d bytes of metadata: %.80v, %d bytes allocated, want a MetadataError and at most %d", what, size, err, used, limit)
			}
			used, err = allocatedBy(func() error {
				_, err := envelope.ParseInstructionFile(nil, strings.NewReader(text[:min(size, len(text))]))
				return err
			})
			if !isMetadata(err) || used > limit {
				t.Errorf("%s, file of %d bytes: %.80v, %d bytes allocated, want a MetadataError and at most %d", what, size, err, used, limit)
			}
		}
	}
}

func allocatedBy(f func() error) (uint64, error) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	err := f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc, err
}
