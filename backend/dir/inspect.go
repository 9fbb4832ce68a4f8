// SPDX-License-Identifier: Apache-2.0

package dir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"syscall"
	"unicode"

	"github.com/s3seal/s3seal/backend"
)

// errShadow says that a key and the folder of another one would have to share
// a name. For someone who asks for the object it only means that there is none.
var errShadow = fmt.Errorf("no object and folder of one name: %w", backend.ErrKey)

// inspect looks at what is at the key. It returns nil, nil if nothing is
// there, and ErrKey if what is there cannot be an object or the folder of one.
//
// With strict it also refuses a key that leads to a file which is spelled
// otherwise; that can take as long as reading the folders.
func (d *Driver) inspect(key string, strict bool) (fs.FileInfo, error) {
	reserved, err := d.inspectHome()
	if err != nil {
		return nil, err
	}
	folder, parts := d.root, strings.Split(key, "/")
	for i, part := range parts {
		fi, err := folder.Lstat(part)
		if err == nil && strict {
			err = checkSpelled(folder, part, fi)
		}
		if err == nil && reserved != nil && os.SameFile(fi, reserved) {
			err = fmt.Errorf("%s is reserved for metadata: %w", part, backend.ErrKey) // by whatever alias
		}
		last := i == len(parts)-1
		if err == nil {
			err = checkKind(fi, last)
		}
		if err != nil || last {
			closeFolder(d.root, folder)
			return found(key, fi, err)
		}
		next, err := folder.OpenRoot(part)
		closeFolder(d.root, folder)
		if err != nil {
			return found(key, nil, err)
		}
		folder = next
	}
	panic("dir: internal error: key without components")
}

// closeFolder closes a folder that inspect has opened, not the root itself.
func closeFolder(root, folder *os.Root) {
	if folder != root {
		folder.Close()
	}
}

// found gives errors of inspect their final form.
func found(key string, fi fs.FileInfo, err error) (fs.FileInfo, error) {
	switch {
	case err == nil:
		return fi, nil
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case errors.Is(err, syscall.ENAMETOOLONG):
		return nil, keyError(key, "has a component too long for this file system")
	}
	return nil, fmt.Errorf("dir: key %.100q: %w", key, err)
}

// inspectHome looks at the folder for records. It is nil if there is none.
// If home were a link, other keys could lead to records.
func (d *Driver) inspectHome() (fs.FileInfo, error) {
	fi, err := d.root.Lstat(home)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("dir: %w", err)
	}
	if !fi.IsDir() {
		return nil, fmt.Errorf("dir: %s is not a folder", home)
	}
	return fi, nil
}

// checkKind checks that the last component of a key is a regular file and that
// the others are folders.
func checkKind(fi fs.FileInfo, last bool) error {
	mode := fi.Mode()
	switch {
	case mode.IsDir() && last, mode.IsRegular() && !last:
		return errShadow
	case mode.IsDir(), mode.IsRegular():
		return nil
	case mode&fs.ModeSymlink != 0:
		return fmt.Errorf("%s is a symbolic link: %w", fi.Name(), backend.ErrKey)
	}
	return fmt.Errorf("%s is not a regular file: %w", fi.Name(), backend.ErrKey)
}

// checkSpelled refuses name if the file fi that it leads to is listed under
// other names only. The list is read only if the folder turns out to fold case.
func checkSpelled(folder *os.Root, name string, fi fs.FileInfo) error {
	other := swapCase(name)
	if other == name {
		return nil
	}
	if ofi, err := folder.Lstat(other); err != nil || !os.SameFile(fi, ofi) {
		return nil
	}
	names, err := readNames(folder, ".")
	if err != nil {
		return err
	}
	return spelledIn(names, name)
}

// spelledIn refuses name unless names has it letter by letter.
func spelledIn(names []string, name string) error {
	if slices.Contains(names, name) {
		return nil
	}
	return fmt.Errorf("%.100q is there in another spelling: %w", name, backend.ErrKey)
}

// swapCase returns name with the case of every letter swapped: another name
// for the same file if the file system folds case.
func swapCase(name string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsUpper(r) {
			return unicode.ToLower(r)
		}
		return unicode.ToUpper(r)
	}, name)
}
