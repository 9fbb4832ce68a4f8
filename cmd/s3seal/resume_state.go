// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io"
	"os"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/envelope"
)

const flagState = "--state"

// The head of a state file is magic || SHA-256(rest) || length || JSON || zeros.
const (
	stateMagic = "s3seal-resume-1\n"
	stateHead  = 16 << 10
)

// A begunUpload is what a state file says of its upload in the clear.
type begunUpload struct {
	Bucket, Key string // the bucket is empty in a folder
	UploadID    string
	Envelope    map[string]string
}

// readState reads the head of a state file. It returns nil if there is none, if it is
// not whole, or if it names no upload: then put sees to it, and forgets nothing.
func readState(path string) *begunUpload {
	if info, err := os.Lstat(path); err != nil || !info.Mode().IsRegular() {
		return nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	head := make([]byte, stateHead)
	if _, err := io.ReadFull(f, head); err != nil || string(head[:len(stateMagic)]) != stateMagic {
		return nil
	}
	want, rest := head[len(stateMagic):][:sha256.Size], head[len(stateMagic)+sha256.Size:]
	u := new(begunUpload)
	if sum := sha256.Sum256(rest); !bytes.Equal(sum[:], want) || json.NewDecoder(bytes.NewReader(rest[4:])).Decode(u) != nil || u.UploadID == "" {
		return nil
	}
	return u
}

// checkState refuses a state file that was named and remembers the upload of another
// object, before anything is read or made. Put would forget that upload, or abort it.
func (c *putCmd) checkState(at address) error {
	if c.State == "" {
		return nil
	}
	u := readState(string(c.State))
	if u == nil || u.Bucket == at.bucket && u.Key == at.key {
		return nil
	}
	other := address{alias: at.alias, bucket: u.Bucket}
	object := u.Key + " in a folder"
	if u.Bucket == "" {
		other = address{root: "ROOT"}
	} else {
		object = other.place() + u.Key
	}
	return usagef("%s %s: it is for the upload of %s, which would be lost: want another %s for %s, or to give that one up: %s",
		flagState, c.State, object, flagState, at.text, c.giveUp(other, string(c.State)))
}

// checkBegun refuses a state file that was named and whose upload is not here: it may
// be on another server, or in another folder, and would be forgotten there.
func (c *putCmd) checkBegun(ctx context.Context, a *app, st *storage, at address) error {
	driver, ok := st.driver.(backend.Multiparter)
	if c.State == "" || !ok {
		return nil
	}
	u := readState(string(c.State))
	if u == nil {
		return nil
	}
	if _, err := driver.ListParts(ctx, u.Key, u.UploadID); !errors.Is(err, backend.ErrNoUpload) || u.became(ctx, st.driver) {
		return nil // of another error put speaks itself
	}
	place, where := "in the folder "+at.root, "folder"
	if at.isS3() {
		server, _, err := c.server(a.env, at)
		if err != nil {
			return err
		}
		place, where = "on the server "+server.host, "server"
	}
	return usagef("%s %s: the upload of %s that it is for is not %s: was it another %s? If it is gone for good, remove the file",
		flagState, c.State, at.text, place, where)
}

// became says whether the upload is over and has become the object.
func (u *begunUpload) became(ctx context.Context, d backend.Driver) bool {
	own, err := envelope.ParseHeader(u.Envelope)
	if err != nil {
		return false
	}
	info, err := d.Stat(ctx, u.Key)
	if err != nil {
		return false
	}
	h, err := envelope.ParseHeader(info.Metadata)
	return err == nil && bytes.Equal(h.IV, own.IV) && bytes.Equal(h.WrappedKey, own.WrappedKey)
}
