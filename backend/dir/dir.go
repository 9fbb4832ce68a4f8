// SPDX-License-Identifier: Apache-2.0

// Package dir keeps objects in a folder of the local file system: a bucket
// that needs neither a server nor any third-party package.
//
// # The bytes
//
// The object under KEY is the regular file ROOT/KEY, and its bytes are exactly
// the bytes that were put: what an S3 server would hold. What does not fit
// into the file, metadata and media type, is in a record beside it. All that
// is not an object lies in ROOT/.s3seal:
//
//	ROOT/
//	├── backup/2026.tar                the body, under its key
//	└── .s3seal/
//	    ├── meta/<key>/<body>.json     the record of one body
//	    ├── parts/<nonce>/             a multipart upload: its key and its parts
//	    └── tmp/<key>-<nonce>          a body that has not been put yet, or a record
//
//	<key>   SHA-256 of the key, in hex
//	<body>  inode, mtime and size of the body, its CRC-32C, and the nonce of its put
//
// A record is JSON of up to 1 MiB, and its name has five parts in hex:
//
//	<inode>-<mtime>-<size>-<CRC-32C>-<nonce>.json     16-16-16-8-32 digits; mtime in nanoseconds since 1970
//
//	{
//	  "key": "backup/2026.tar",
//	  "contentType": "application/x-tar",
//	  "headers": {"cache-control": "no-store"},
//	  "metadata": {"x-amz-3": "…", …}
//	}
//
// A record names its body by what the file system knows about it. So body and
// record need no common update, and one rename decides over both.
//
// # The protocol
//
// Put, where every step may be the last one of its process:
//
//  1. write the body to tmp/, sync it
//  2. look up its inode, mtime and size; write the record, sync it
//  3. rename the body to ROOT/KEY, sync the folder      <- the commit
//  4. remove the records of bodies that are gone
//
// Get and Stat open ROOT/KEY, ask the open file for inode, mtime and size, and
// look for the record with that name. As long as the file is open nobody else
// can have its inode, so body and record belong together whatever happens to
// the key meanwhile. If there is no such record, and ROOT/KEY is another file
// by now, they begin again. Delete removes ROOT/KEY, which is its commit, and
// then the records.
//
// None of this needs a lock. A body gets to ROOT/KEY once and never comes back,
// so a record is that of a dead body if tmp/ did not hold the body any more and
// ROOT/KEY was another file after that; whoever sees both in this order may
// remove the record. A process that is killed leaves at most a file in tmp/, a
// record that nobody will look up, and empty folders. [New] sweeps what is
// older than [Options].SweepAge, except the folders: it first takes the file in
// tmp/ away, after which the put that it may still belong to can only fail, and
// then the record.
//
// A put with a condition needs more: nobody may replace the object between the
// look at it and the rename. So it locks the folder .s3seal for these two, while
// other puts and deletes share that lock for the moment of their commit. The
// system takes the lock back from a process that is killed. A program that writes
// into the folder in another way knows nothing of it.
//
// To replace metadata is to write a record to tmp/ and to rename it to the name of
// the record that the body has, under that same lock: the body that it names is
// under its key then, so nobody removes it. Readers find the old one or the new.
//
// A part of an upload is a file whose name tells its number, size and SHA-256.
// Completing an upload copies the parts into a body, which is then put as above.
//
// Whatever is reported as done has been synced to the device, so it also
// survives a power failure, as far as device and file system keep their word.
// ROOT should be on a local file system. It may be used by any number of
// processes at a time.
//
// # Folders that were copied, files that were touched
//
// cp, rsync, git and archives give every file a new inode, so a copied body
// fits no record by name. Then the records of its key are candidates:
//
//   - the record that fits by size and CRC-32C describes these bytes;
//   - if there is only one record, it is used without looking at the body;
//   - if none fits, the body was changed in place, or replaced by hand. The
//     latest record of a body that has been put is used, and decryption will
//     refuse the body. To present the file as an object without metadata would
//     be friendlier to someone who copies a plain file over a sealed object, but
//     it would turn a damaged object into a plain one. Delete the key first.
//
// A file with no record at all is an object without metadata, which a put
// replaces unless [Options].SparePlainFiles says otherwise. Copy a folder
// while nobody writes into it; and copy ROOT/.s3seal with it, since a sealed
// object cannot be opened without its metadata. Renaming a file in ROOT by hand
// parts it from its record for the same reason; renaming it back heals that.
//
// # Keys
//
// A key is a path relative to ROOT with slashes, of at most 1024 bytes. What
// cannot be a file of that name is refused with [backend.ErrKey]: empty, "."
// and ".." components, names that the system reserves or cannot spell,
// anything in a .s3seal, a key that is a folder of other keys or has an object as
// a folder, symbolic links and everything else that is not a regular file.
// Links are refused also as folders of a key: behind one of them could be
// .s3seal. Where the file system folds case, a key that differs from an
// existing one only in its spelling is refused as well. All access goes through
// [os.Root], so whatever is in ROOT, and whoever changes it meanwhile, nothing
// outside is read or written. (Folders that have become empty are an exception
// everywhere but on Linux: they are removed by path, for want of a better call.)
//
// Files are created with mode 0666 and folders with 0777, less the umask, as
// other programs do: bodies are ciphertext, and metadata is no secret.
//
// # What was rejected
//
// Metadata in front of the body: the file must be byte for byte what an S3 server
// would hold. Extended attributes, which copies and archives lose. A database, or a
// record that is found by the key alone: body and record would be two updates.
//
// Lock files, which outlive a killed process, and a lock for readers, which not
// every file system has. link(2) for objects that must be new: after a crash there are
// two names of one body, and it cannot compare ETags. To refuse a folder within a
// folder of objects: one object in a home would forbid all others below it.
package dir

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/s3seal/s3seal/backend"
)

// home is the folder in the root for everything that is not an object.
const (
	home    = ".s3seal"
	tmpDir  = home + "/tmp"
	metaDir = home + "/meta"
	partDir = home + "/parts"
)

const (
	fileMode   = 0o666 // less the umask
	folderMode = 0o777
)

// maxTries bounds how often an operation begins anew because another process
// got in between. Each time, that one has made progress.
const maxTries = 1000

// defaultSweepAge is long enough for any put that is still alive.
const defaultSweepAge = 24 * time.Hour

// Options are the options of a [Driver]. The zero value is the default.
type Options struct {
	// SweepAge is how long a put may receive no byte, or a multipart upload no
	// part, before [New] takes it for one whose process was killed, and removes
	// what it left. A put that was alive after all then fails. 0 is 24 hours,
	// negative is never.
	SweepAge time.Duration

	// MustExist lets New fail with an error that wraps [fs.ErrNotExist] if
	// the root does not exist, instead of creating it.
	MustExist bool

	// SparePlainFiles lets a put, also one in parts, fail with [ErrPlainFile]
	// where it would replace a file that the folder has no record of: one that
	// somebody else has left under that name, or whose record was not copied with
	// it. Without it such a file is replaced as any object. A put with IfMatch
	// names what it replaces, and does.
	SparePlainFiles bool
}

// A Driver stores objects in a folder. Use [New].
//
// It promises what [backend.Driver] asks for, also to readers and writers in
// other processes and across their being killed. It does not protect the
// folder from programs that write into it without using this package.
//
// A Driver is safe for concurrent use.
type Driver struct {
	root  *os.Root
	spare bool         // plain files, see Options
	step  func(string) // told about each step; set by tests only
}

var _ backend.Driver = (*Driver)(nil)

// New returns a driver over the folder root, which it creates if it is
// missing. opts may be nil. The caller should call [Driver.Close].
//
// New removes what killed processes have left in the folder, see
// [Options].SweepAge. It writes nothing else, so a folder that is read-only
// can be read. Errors of the file system pass through wrapped.
//
// New may be called concurrently, also for the same folder.
func New(root string, opts *Options) (*Driver, error) {
	if opts == nil {
		opts = new(Options)
	}
	if !opts.MustExist {
		if err := createRoot(root); err != nil {
			return nil, fmt.Errorf("dir: create %q: %w", root, err)
		}
	}
	r, err := os.OpenRoot(root)
	if err != nil {
		return nil, fmt.Errorf("dir: open %q: %w", root, err)
	}
	d := &Driver{root: r, spare: opts.SparePlainFiles}
	age := opts.SweepAge
	if age == 0 {
		age = defaultSweepAge
	}
	if age > 0 {
		before := time.Now().Add(-age)
		d.sweep(before)
		d.sweepUploads(before)
	}
	return d, nil
}

// createRoot creates root and makes durable that it is there.
func createRoot(root string) error {
	var parents []string
	for p := filepath.Clean(root); ; p = filepath.Dir(p) {
		if _, err := os.Stat(p); err == nil || p == filepath.Dir(p) {
			break
		}
		parents = append(parents, filepath.Dir(p))
	}
	if err := os.MkdirAll(root, folderMode); err != nil {
		return err
	}
	for _, p := range parents {
		f, err := os.Open(p)
		if err != nil {
			return err
		}
		if err := syncFolder(f); err != nil {
			return err
		}
	}
	return nil
}

// Close releases the folder. Bodies that Get has returned stay readable; every
// other use of the driver fails afterwards. Close may be called more than
// once.
func (d *Driver) Close() error {
	if err := d.root.Close(); err != nil {
		return fmt.Errorf("dir: close: %w", err)
	}
	return nil
}

// at marks a moment between two steps of the protocol.
func (d *Driver) at(step string) {
	if d.step != nil {
		d.step(step)
	}
}

// begin is the beginning of every method: it returns the name of the object.
func (d *Driver) begin(ctx context.Context, key string) (object, error) {
	if err := ctx.Err(); err != nil {
		return object{}, fmt.Errorf("dir: %w", err)
	}
	if err := checkKey(key); err != nil {
		return object{}, err
	}
	return newObject(key), nil
}
