// SPDX-License-Identifier: Apache-2.0

package backendtest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"strings"
	"testing"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/backendtest"
	"github.com/s3seal/s3seal/backend/mem"
)

// TestFaultyWithoutFaults must change nothing.
func TestFaultyWithoutFaults(t *testing.T) {
	backendtest.TestDriverHarness(t, backendtest.Harness{
		New:     func(*testing.T) backend.Driver { return backendtest.Faulty(mem.New(), backendtest.Faults{}) },
		MaxSize: 100_000,
	})
}

func TestFaultyPut(t *testing.T) {
	custom := errors.New("custom")
	failing := func() io.Reader {
		return io.MultiReader(strings.NewReader("12345"), errReader{custom})
	}
	for name, c := range map[string]struct {
		faults backendtest.Faults
		body   io.Reader
		want   error
		stored string
	}{
		"error":         {backendtest.Faults{PutError: custom, PutAt: 3}, strings.NewReader("12345"), custom, ""},
		"stops":         {backendtest.Faults{PutStops: true, PutAt: 3}, strings.NewReader("12345"), nil, "123"},
		"hides cause":   {backendtest.Faults{PutHidesCause: true}, failing(), backendtest.ErrTransport, ""},
		"ignores cause": {backendtest.Faults{PutIgnoresCause: true}, failing(), nil, "12345"},
	} {
		store := mem.New()
		d := backendtest.Faulty(store, c.faults)
		_, err := d.Put(t.Context(), "key", c.body, -1, &backend.PutOptions{})
		if !errors.Is(err, c.want) {
			t.Errorf("%s: Put = %v, want %v", name, err, c.want)
		}
		info, err := store.Stat(t.Context(), "key")
		if got := err == nil; got != (c.stored != "") || got && info.Size != int64(len(c.stored)) {
			t.Errorf("%s: stored %+v, %v, want %q", name, info, err, c.stored)
		}
		if d.Puts() != 1 {
			t.Errorf("%s: %d puts", name, d.Puts())
		}
	}
}

type errReader struct{ err error }

func (r errReader) Read([]byte) (int, error) { return 0, r.err }

func ExampleFaulty() {
	ctx := context.Background()
	store := mem.New()
	if _, err := store.Put(ctx, "key", strings.NewReader("all of it"), -1, &backend.PutOptions{}); err != nil {
		log.Fatal(err)
	}
	d := backendtest.Faulty(store, backendtest.Faults{GetError: io.ErrUnexpectedEOF, GetAt: 3})
	body, _, err := d.Get(ctx, "key", &backend.GetOptions{})
	if err != nil {
		log.Fatal(err)
	}
	data, err := io.ReadAll(body)
	fmt.Printf("%s, %v, %d open\n", data, err, d.OpenBodies())
	fmt.Println(body.Close(), d.OpenBodies(), "open")
	// Output:
	// all, unexpected EOF, 1 open
	// <nil> 0 open
}
