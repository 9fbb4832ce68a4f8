// SPDX-License-Identifier: Apache-2.0

package localkms

import (
	"bytes"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"time"
)

// maxFileSize bounds what Open reads: some ten thousand versions.
const maxFileSize = 4 << 20

const fileFormat = 1

// A keyFile is the content of a key file: JSON, for people to look at. Keys are
// in base64, the oldest version first.
type keyFile struct {
	Format int                      `json:"s3seal_localkms"`
	Keys   map[string][]fileVersion `json:"keys"`
}

type fileVersion struct {
	Created time.Time `json:"created"`
	Key     []byte    `json:"key"`
}

// Create makes a key file that holds no keys yet, readable by its owner only,
// and returns its KMS. A file that exists is an error that wraps
// [io/fs.ErrExist]; it is left alone. Of several calls for one path at most one
// succeeds; they may be concurrent.
func Create(path string) (*KMS, error) {
	data, err := encodeFile(nil)
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("localkms: create: %w", err)
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return nil, errors.Join(fmt.Errorf("localkms: create: %w", err), os.Remove(path))
	}
	return Open(path)
}

// Open reads a key file that [Create] has made. It must be a regular file, and
// unless the system is Windows nobody but its owner may have any permission on
// it.
//
// The file has at most 4 MiB, and nothing in it may be unknown. The keys stay in
// memory as long as the KMS does. What other processes change in the file is not
// seen. Open may be called concurrently.
func Open(path string) (*KMS, error) {
	path, err := filepath.EvalSymlinks(path) // what change replaces is the file, not a link
	if err != nil {
		return nil, fmt.Errorf("localkms: open: %w", err)
	}
	if path, err = filepath.Abs(path); err != nil {
		return nil, fmt.Errorf("localkms: open: %w", err)
	}
	data, err := readFile(path)
	if err != nil {
		return nil, err
	}
	keys, err := decodeFile(data)
	if err != nil {
		return nil, fmt.Errorf("localkms: %s: %w", path, err)
	}
	return &KMS{path: path, saved: data, keys: keys}, nil
}

func readFile(path string) ([]byte, error) {
	// Looked at before it is opened as well: opening a pipe may wait for ever.
	if err := checkFile(path, func() (os.FileInfo, error) { return os.Stat(path) }); err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("localkms: open: %w", err)
	}
	defer f.Close()
	if err := checkFile(path, f.Stat); err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(f, maxFileSize+1))
	if err != nil {
		return nil, fmt.Errorf("localkms: read: %w", err)
	}
	if len(data) > maxFileSize {
		return nil, fmt.Errorf("localkms: %s: want at most %d bytes", path, maxFileSize)
	}
	return data, nil
}

func checkFile(path string, stat func() (os.FileInfo, error)) error {
	info, err := stat()
	if err != nil {
		return fmt.Errorf("localkms: open: %w", err)
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("localkms: %s: want a regular file, got %v", path, info.Mode().Type())
	}
	if perm := info.Mode().Perm(); runtime.GOOS != "windows" && perm&0o077 != 0 {
		return fmt.Errorf("localkms: %s: want permissions for the owner only (0600), got %04o", path, perm)
	}
	return nil
}

func decodeFile(data []byte) (map[string]*masterKey, error) {
	var f keyFile
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&f); err != nil {
		return nil, fmt.Errorf("not a key file: %w", err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, errors.New("not a key file: data after the end")
	}
	if f.Format != fileFormat {
		return nil, fmt.Errorf("key file: want format %d, got %d", fileFormat, f.Format)
	}
	keys := make(map[string]*masterKey, len(f.Keys))
	for id, versions := range f.Keys {
		m, err := decodeKey(id, versions)
		if err != nil {
			return nil, err
		}
		keys[id] = m
	}
	return keys, nil
}

func decodeKey(id string, file []fileVersion) (*masterKey, error) {
	if err := checkKeyID(id); err != nil {
		return nil, err
	}
	if len(file) == 0 {
		return nil, fmt.Errorf("key %q has no version", id)
	}
	versions := make([]version, len(file))
	for i, fv := range file {
		if len(fv.Key) != keySize {
			return nil, fmt.Errorf("key %q, version %d: want %d bytes, got %d", id, i, keySize, len(fv.Key))
		}
		v, err := newVersion(fv.Key, fv.Created)
		if err != nil {
			return nil, err
		}
		versions[i] = v
	}
	return newMasterKey(id, versions...), nil
}

func encodeFile(keys map[string]*masterKey) ([]byte, error) {
	f := keyFile{Format: fileFormat, Keys: make(map[string][]fileVersion, len(keys))}
	for id, m := range keys {
		for _, v := range m.versions {
			f.Keys[id] = append(f.Keys[id], fileVersion{v.created, v.key})
		}
	}
	data, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("localkms: encode: %w", err)
	}
	if len(data) >= maxFileSize {
		return nil, fmt.Errorf("localkms: key file: want at most %d bytes, got %d", maxFileSize, len(data))
	}
	return append(data, '\n'), nil
}

// replaceFile writes keys in the place of what should be there, and returns what
// it has written. A crash leaves the old file or the new one.
func replaceFile(path string, want []byte, keys map[string]*masterKey) ([]byte, error) {
	got, err := readFile(path)
	if err != nil {
		return nil, err
	}
	if subtle.ConstantTimeCompare(got, want) != 1 { // another's keys would be lost
		return nil, fmt.Errorf("localkms: %s was changed by another process; open it again", path)
	}
	data, err := encodeFile(keys)
	if err != nil {
		return nil, err
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*") // mode 0600
	if err != nil {
		return nil, fmt.Errorf("localkms: write: %w", err)
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("localkms: write: %w", err), os.Remove(f.Name()))
	}
	syncFolder(filepath.Dir(path))
	return data, nil
}

// syncFolder makes the new name last through a crash, where the system can do
// that for a folder. Where it cannot, the file itself is still complete.
func syncFolder(dir string) {
	if d, err := os.Open(dir); err == nil {
		_ = d.Sync()
		_ = d.Close()
	}
}
