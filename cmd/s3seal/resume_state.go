// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"

	"github.com/s3seal/s3seal/backend"
)

const flagState = "--state"

// begun returns what the state file that was named says of its upload. It is nil if
// none was, if it cannot be read, or if it names no upload: then put sees to it, and
// forgets nothing.
func (c *putCmd) begun() *backend.UploadState {
	u, err := backend.ReadUploadState(string(c.State))
	if err != nil || u.UploadID == "" {
		return nil
	}
	return u
}

// checkState refuses a state file that was named and remembers the upload of another
// object, as put does, but before the source or a key is opened or made.
func (c *putCmd) checkState(at address) error {
	u := c.begun()
	if u == nil || u.Bucket == at.bucket && u.Key == at.key {
		return nil
	}
	return c.refuseState(at, string(c.State), u.Bucket, u.Key)
}

// refuseState says what the state file is for. The bucket is empty in a folder.
func (c *putCmd) refuseState(at address, state, bucket, key string) error {
	other, object := address{root: "ROOT"}, key+" in a folder"
	if bucket != "" {
		other = address{alias: at.alias, bucket: bucket}
		object = other.place() + key
	}
	return usagef("%s %s: it is for the upload of %s, which would be lost: want another %s for %s, or to give that one up: %s",
		flagState, state, object, flagState, at.text, c.giveUp(other, state))
}

// checkBegun refuses a state file that was named and whose upload is not here: it may
// be on another server, or in another folder, and would be forgotten there.
func (c *putCmd) checkBegun(ctx context.Context, a *app, st *storage, at address) error {
	driver, ok := st.driver.(backend.Multiparter)
	u := c.begun()
	if u == nil || !ok {
		return nil
	}
	if _, err := driver.ListParts(ctx, u.Key, u.UploadID); !errors.Is(err, backend.ErrNoUpload) || became(ctx, st.driver, u) {
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
func became(ctx context.Context, d backend.Driver, u *backend.UploadState) bool {
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
