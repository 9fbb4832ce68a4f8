// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"io"
	"testing"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/dir"
)

// openDir opens a folder as a bucket, past the command line.
func openDir(t testing.TB, root string) *dir.Driver {
	t.Helper()
	d, err := dir.New(root, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

// stored reads an object as it is in storage.
func stored(t testing.TB, root, key string) (body []byte, meta map[string]string) {
	t.Helper()
	r, info, err := openDir(t, root).Get(t.Context(), key, &backend.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	body, err = io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return body, info.Metadata
}

// store writes an object as it is to be in storage.
func store(t testing.TB, root, key string, body []byte, meta map[string]string) {
	t.Helper()
	d := openDir(t, root)
	if _, err := d.Put(t.Context(), key, bytes.NewReader(body), int64(len(body)), &backend.PutOptions{Metadata: meta}); err != nil {
		t.Fatal(err)
	}
}
