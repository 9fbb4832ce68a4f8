// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/mem"
)

// A lossy driver does as it is told, and says that it did not.
type lossy struct {
	*mem.Driver
	putErr, startErr, deleteErr, abortErr error

	interrupt func() // during each put; may be nil
}

func (d *lossy) Put(ctx context.Context, key string, body io.Reader, size int64, opts *backend.PutOptions) (*backend.Info, error) {
	if d.interrupt != nil {
		d.interrupt()
	}
	info, err := d.Driver.Put(ctx, key, body, size, opts)
	return info, firstOf(err, d.putErr)
}

func (d *lossy) StartUpload(ctx context.Context, key string, opts *backend.PutOptions) (string, error) {
	id, err := d.Driver.StartUpload(ctx, key, opts)
	if err = firstOf(err, d.startErr); err != nil {
		return "", err
	}
	return id, nil
}

func (d *lossy) AbortUpload(ctx context.Context, key, id string) error {
	return firstOf(d.abortErr, d.Driver.AbortUpload(ctx, key, id))
}

func (d *lossy) Delete(ctx context.Context, key string) error {
	if d.deleteErr != nil {
		return d.deleteErr
	}
	return d.Driver.Delete(ctx, key)
}

// probed runs the write checks over d. It returns what was found, what was told at
// once and how many objects and uploads there are afterwards.
func probed(t *testing.T, ctx context.Context, d *lossy) (found map[string]finding, told string, left int) {
	t.Helper()
	var stderr bytes.Buffer
	a := &app{stderr: &stderr}
	all := &checkup{app: a, tell: a.teller()}
	all.checkWrite(ctx, d, address{text: "s3://b/p/", bucket: "b", key: "p/"}, "p/probe")
	found = make(map[string]finding)
	for _, f := range all.Findings {
		found[f.Check] = f
	}
	for _, err := range backend.NewBucket(d, nil, nil, nil).List(t.Context(), nil) {
		if err != nil {
			t.Fatal(err)
		}
		left++
	}
	uploads, err := d.ListUploads(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	return found, stderr.String(), left + len(uploads)
}

var errLost = errors.New("connection reset")

// TestDoctorLostAnswer: what was stored without an answer is removed, too.
func TestDoctorLostAnswer(t *testing.T) {
	for name, d := range map[string]*lossy{
		"put":   {Driver: mem.New(), putErr: errLost},
		"start": {Driver: mem.New(), startErr: errLost},
	} {
		found, told, left := probed(t, t.Context(), d)
		if left != 0 || told != "" {
			t.Errorf("%s: %d left, told %q, want nothing", name, left, told)
		}
		check := map[string]string{"put": "put", "start": "multipart"}[name]
		wantFinding(t, found, check, checkFail, "connection reset")
	}
}

// TestDoctorInterrupted: an interruption leaves nothing, and says what it removes.
func TestDoctorInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	d := &lossy{Driver: mem.New(), interrupt: cancel}
	_, told, left := probed(t, ctx, d)
	if left != 0 || told != "s3seal: interrupted: removing s3://b/p/probe\n" {
		t.Errorf("%d left, told %q, want nothing, and what is removed", left, told)
	}
}

// TestDoctorLeft: what cannot be removed is named, if need be at once.
func TestDoctorLeft(t *testing.T) {
	for _, putErr := range []error{nil, errLost} {
		d := &lossy{Driver: mem.New(), putErr: putErr, deleteErr: errors.New("no connection")}
		found, _, _ := probed(t, t.Context(), d)
		wantFinding(t, found, "delete", checkFail, "s3://b/p/probe may be left: no connection")
		ctx, cancel := context.WithCancel(t.Context())
		d.interrupt = cancel
		_, told, _ := probed(t, ctx, d)
		if !strings.Contains(told, "s3://b/p/probe may be left") {
			t.Errorf("interrupted: told %q, want the name", told)
		}
	}
	found, _, _ := probed(t, t.Context(), &lossy{Driver: mem.New(), abortErr: errors.New("no connection")})
	wantFinding(t, found, "multipart", checkFail, "an upload of s3://b/p/probe may be left: no connection")
}

// TestDoctorRefusedPut: what a server has refused is not there, and is not said to
// be left.
func TestDoctorRefusedPut(t *testing.T) {
	denied := minio.ErrorResponse{StatusCode: 403, Code: "AccessDenied", Message: "Access Denied."}
	d := &lossy{Driver: mem.New(), putErr: denied, deleteErr: denied}
	found, told, _ := probed(t, t.Context(), d)
	wantFinding(t, found, "put", checkFail, "policy")
	if _, ok := found["delete"]; ok || told != "" {
		t.Errorf("found %v, told %q, want nothing of a delete", found, told)
	}
}
