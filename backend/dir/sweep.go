// SPDX-License-Identifier: Apache-2.0

package dir

import (
	"strings"
	"time"
)

// swept is the end of the name of a body in tmp that must not be put any more.
const swept = ".swept"

// sweep removes what puts have left that were killed before the given time.
//
// It may be wrong about a put: nobody knows whether another process still
// lives. So it renames the body first, after which the put cannot commit, and
// removes the record only then.
func (d *Driver) sweep(before time.Time) {
	if _, err := d.inspectHome(); err != nil {
		return
	}
	names, err := readNames(d.root, tmpDir)
	if err != nil {
		return
	}
	for _, name := range names {
		o, nonce, done, ok := parseTemp(name)
		if !ok {
			continue
		}
		if !done {
			fi, err := d.root.Lstat(tmpDir + "/" + name)
			if err != nil || !fi.ModTime().Before(before) {
				continue
			}
			d.at("before sweep")
			if d.root.Rename(o.temp(nonce), o.temp(nonce)+swept) != nil {
				continue
			}
		}
		d.at("body swept")
		d.bury(o, nonce)
	}
}

// parseTemp is the inverse of [object.temp]. Other files in tmp are not ours.
// The key of the object remains unknown.
func parseTemp(name string) (o object, nonce string, done, ok bool) {
	name, done = strings.CutSuffix(name, swept)
	hash, nonce, ok := strings.Cut(name, "-")
	ok = ok && len(hash) == 64 && len(nonce) == 2*nonceSize && isHex(hash) && isHex(nonce)
	return object{hash: hash}, nonce, done, ok
}

func isHex(s string) bool {
	return strings.Trim(s, "0123456789abcdef") == ""
}

// bury removes the record of a swept body, then the body.
func (d *Driver) bury(o object, nonce string) {
	recs, err := d.records(o)
	if err != nil {
		return
	}
	for _, r := range recs {
		if r.nonce != nonce {
			continue
		}
		if d.root.Remove(o.records()+"/"+r.name()) != nil {
			return
		}
		d.at("record swept")
	}
	if d.syncFolders(o.records()) != nil {
		return
	}
	d.removeFolder(o.records())
	d.root.Remove(o.temp(nonce) + swept)
}
