// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"strings"

	"github.com/s3seal/s3seal/backend"
)

const flagState = "--state"

// The head of a state file is magic || a hash and a length || JSON || zeros. Package
// backend sees to the hash; here it is enough to read what can be read.
const (
	stateMagic = "s3seal-resume-1\n"
	stateHead  = 16 << 10
	stateJSON  = len(stateMagic) + 36
)

// A begunUpload is what a state file says of its upload in the clear.
type begunUpload struct {
	Bucket, Key string // the bucket is empty in a folder
	UploadID    string
	Envelope    map[string]string
}

// readState reads the head of a state file. It returns nil if there is none, if it
// cannot be read, or if it names no upload: then put sees to it, and forgets nothing.
func readState(path string) *begunUpload {
	if info, err := os.Lstat(path); err != nil || !info.Mode().IsRegular() {
		return nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	var head strings.Builder
	if _, err := io.CopyN(&head, f, stateHead); err != nil || !strings.HasPrefix(head.String(), stateMagic) {
		return nil
	}
	u := new(begunUpload)
	if json.NewDecoder(strings.NewReader(head.String()[stateJSON:])).Decode(u) != nil || u.UploadID == "" {
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

// became says whether the upload is over and has become the object, whose envelope
// has a content key that no other has.
func (u *begunUpload) became(ctx context.Context, d backend.Driver) bool {
	info, err := d.Stat(ctx, u.Key)
	if err != nil {
		return false
	}
	for name, value := range u.Envelope {
		if info.Metadata[name] != value {
			return false
		}
	}
	return len(u.Envelope) > 0
}
