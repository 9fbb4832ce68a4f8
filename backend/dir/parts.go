// SPDX-License-Identifier: Apache-2.0

package dir

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/s3seal/s3seal/backend"
)

// A part is what the name of its file says.
type part struct {
	number int
	turn   int // how often the number had been stored before
	size   int64
	sum    string // SHA-256 in hex; is the ETag, too
}

func (p part) name() string {
	return fmt.Sprintf("%05d-%d-%x-%s", p.number, p.turn, p.size, p.sum)
}

// parsePart is the inverse of [part.name].
func parsePart(name string) (part, bool) {
	var p part
	_, err := fmt.Sscanf(name, "%05d-%d-%x-%s", &p.number, &p.turn, &p.size, &p.sum)
	return p, err == nil && p.size >= 0 && len(p.sum) == 64 && isHex(p.sum) && p.name() == name
}

func (p part) describe() backend.Part {
	return backend.Part{Number: p.number, Size: p.size, ETag: p.sum}
}

// parts returns all parts of an upload, also those that have been replaced.
func (d *Driver) parts(id string) ([]part, error) {
	names, err := readNames(d.root, uploadFolder(id))
	if err != nil {
		return nil, err
	}
	var list []part
	for _, name := range names {
		if p, ok := parsePart(name); ok {
			list = append(list, p)
		}
	}
	return list, nil
}

// latestParts returns the part that counts for each number.
func latestParts(all []part) map[int]part {
	there := make(map[int]part)
	for _, p := range all {
		old, ok := there[p.number]
		if !ok || p.turn > old.turn || p.turn == old.turn && p.sum > old.sum {
			there[p.number] = p
		}
	}
	return there
}

// create1 creates a file that must not exist, in a folder that must.
func (d *Driver) create1(name string) (*os.File, error) {
	return d.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fileMode)
}

// A joined reads parts one after the other.
type joined struct {
	d     *Driver
	id    string
	parts []part
	file  *os.File // the part that is being read
}

func (j *joined) Read(p []byte) (int, error) {
	for {
		if j.file == nil {
			if len(j.parts) == 0 {
				return 0, io.EOF
			}
			f, err := j.d.root.OpenFile(uploadFolder(j.id)+"/"+j.parts[0].name(), openFlags, 0)
			if errors.Is(err, fs.ErrNotExist) { // replaced, or the upload is over
				return 0, fmt.Errorf("%w: part %d is gone", backend.ErrPart, j.parts[0].number)
			}
			if err != nil {
				return 0, fmt.Errorf("part %d: %w", j.parts[0].number, err)
			}
			j.file, j.parts = f, j.parts[1:]
		}
		n, err := j.file.Read(p)
		if err == io.EOF {
			j.close()
			err = nil
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
}

func (j *joined) close() {
	if j.file != nil {
		j.file.Close()
		j.file = nil
	}
}

// sweepUploads removes uploads that have had no part since the given time. As
// [Driver.sweep] it may be wrong about one, which then cannot go on.
func (d *Driver) sweepUploads(before time.Time) {
	names, err := readNames(d.root, partDir)
	if err != nil {
		return
	}
	for _, name := range names {
		switch id := name; {
		case isUploadID(id) && d.idle(id, before):
			d.removeUpload(id)
		case len(name) == 2*nonceSize+len(swept) && isUploadID(name[:2*nonceSize]) && name[2*nonceSize:] == swept:
			d.root.RemoveAll(partDir + "/" + name)
		}
	}
	d.removeFolder(partDir) // fails unless it is empty
}

// idle reports whether nothing in an upload is newer than that.
func (d *Driver) idle(id string, before time.Time) bool {
	names, err := readNames(d.root, uploadFolder(id))
	if err != nil {
		return false
	}
	for _, name := range append(names, ".") {
		fi, err := d.root.Lstat(uploadFolder(id) + "/" + name)
		if err != nil || !fi.ModTime().Before(before) {
			return false
		}
	}
	return true
}
