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

// versions is a lossy driver that keeps versions, or says so.
type versions struct{ lossy }

func (*versions) Versioned(context.Context) (bool, error) { return true, nil }

// TestDoctorVersions: what was stored leaves a version. Of what failed nobody
// knows.
func TestDoctorVersions(t *testing.T) {
	for _, putErr := range []error{nil, errLost} {
		a := &app{stderr: io.Discard}
		all := &checkup{app: a, tell: a.teller()}
		d := &versions{lossy{Driver: mem.New(), putErr: putErr}}
		all.checkWrite(t.Context(), d, address{text: "s3://b/p/", bucket: "b", key: "p/"}, "p/probe")
		last := all.Findings[len(all.Findings)-1]
		may := strings.Contains(last.Text, "may have kept one: p/probe")
		if last.Check != "delete" || may != (putErr != nil) || !strings.Contains(last.Text, "the bucket keeps versions") {
			t.Errorf("put %v: found %+v, want whether a version is left", putErr, last)
		}
	}
}

// TestStorageAdviceS3: a code with digits is one of S3, too.
func TestStorageAdviceS3(t *testing.T) {
	for code, foreign := range map[string]bool{"": true, "400 Bad Request": true, "400": true, "XAmzContentSHA256Mismatch": false, "InvalidRequest": false} {
		got := storageAdvice(minio.ErrorResponse{StatusCode: 400, Code: code})
		if strings.Contains(got, "no answer of an S3 server") != foreign {
			t.Errorf("%s: %q, want no S3 server: %t", code, got, foreign)
		}
	}
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
