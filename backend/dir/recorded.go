// SPDX-License-Identifier: Apache-2.0

package dir

import (
	"context"
	"errors"
	"os"

	"github.com/s3seal/s3seal/backend"
)

// ErrPlainFile says that under the key of a put there is a file of which the
// folder has no record, and that [Options].SparePlainFiles spares it.
var ErrPlainFile = errors.New("dir: there is a file that was not put through this folder")

// Recorded says what the folder knows of the file under key: recorded is whether
// it has a record that Get would use, exact whether that one names this very
// file. A file that was copied here with its record is recorded, but not exactly;
// so is one that was changed in place, or that another program has put in the
// place of an object. A file without any record was not put through this folder,
// or its records were left behind. [Driver.Stat] does not tell the two from an
// object without metadata.
//
// It answers for one moment, and protects nothing by itself: Put replaces either,
// unless [Options].SparePlainFiles has it refuse, with [ErrPlainFile], what has no
// record. The error is one that Stat would return, [backend.ErrNotExist] if there
// is no file. It reads the file where Stat does. It may be called concurrently.
func (d *Driver) Recorded(ctx context.Context, key string) (recorded, exact bool, err error) {
	err = d.look(ctx, key, func(o object, f *os.File, id identity) error {
		rec, err := d.find(ctx, o, f, id)
		if err != nil {
			return err
		}
		recorded, exact = rec != nil, rec != nil && rec.identity == id
		return f.Close()
	})
	return recorded, exact, err
}

// notPlain returns [ErrPlainFile] if there is a file under key that has no
// record. It is asked before there is a body, and again before the rename, where
// only a program that knows no lock can come in between.
func (d *Driver) notPlain(ctx context.Context, key string) error {
	recorded, _, err := d.Recorded(ctx, key)
	switch {
	case errors.Is(err, backend.ErrNotExist):
		return nil
	case err == nil && !recorded:
		return ErrPlainFile
	}
	return err
}
