// SPDX-License-Identifier: Apache-2.0

package dir

import "time"

// SetStep lets tests act between any two steps of d.
func (d *Driver) SetStep(step func(string)) { d.step = step }

// Spelling as it is checked where the file system folds case.
var (
	SwapCase  = swapCase
	SpelledIn = spelledIn
)

// ForgeRecord writes a record into root that names the body at path, relative
// to root, with a CRC-32C of 0 and the given contents.
func ForgeRecord(root, path, key, data string) error {
	d, err := New(root, nil)
	if err != nil {
		return err
	}
	defer d.Close()
	f, err := d.root.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	id, _, err := identify(f)
	if err != nil {
		return err
	}
	r := record{identity: id, nonce: newNonce()}
	w, err := d.create(newObject(key).records() + "/" + r.name())
	if err != nil {
		return err
	}
	if _, err := w.WriteString(data); err != nil {
		return err
	}
	return w.Close()
}

// RecordName returns name if it is the name of a record, by way of the record.
func RecordName(name string) (string, bool) {
	r, ok := parseRecord(name)
	if !ok {
		return "", false
	}
	return r.name(), true
}

// Sweep sweeps what was left before a time.
func (d *Driver) Sweep(before time.Time) { d.sweep(before) }

// ErrSwept is what a put fails with that was taken for dead.
var ErrSwept = errSwept

// SweepUploads sweeps the uploads that have had no part since a time.
func (d *Driver) SweepUploads(before time.Time) { d.sweepUploads(before) }

// CanLock says that there are conditions.
const CanLock = canLock
