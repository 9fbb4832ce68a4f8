// SPDX-License-Identifier: Apache-2.0

package backend

import "context"

// A MetadataReplacer is a [Driver] that can also replace the user metadata of an
// object without its body passing through here.
//
// A driver that has the method but whose storage cannot do it must return an
// error that wraps errors.ErrUnsupported, so that a driver around another one can
// pass it on. What [Driver] says about keys and contexts holds here too. The
// method must be safe for concurrent use.
type MetadataReplacer interface {
	Driver

	// ReplaceMetadata gives the object under key this metadata instead of its
	// own. Everything else must stay: the body, the content type and the other
	// headers that an answer repeats, tags, storage class, encryption. What
	// cannot be kept must be an error, and the object stay as it is.
	//
	// ifMatch is never empty: it is the ETag of the object that is meant. If
	// there is another one, or none, the error must be [ErrChanged]; this should
	// be decided at the moment at which the metadata is replaced, so that a put
	// that comes in between is not undone. It must be all or nothing: readers
	// see the old metadata or the new. The ETag may be another one afterwards,
	// as the VersionID is where the storage keeps versions.
	//
	// The Info must be what Stat would return. metadata must not be retained or
	// modified.
	ReplaceMetadata(ctx context.Context, key string, metadata map[string]string, ifMatch string) (*Info, error)
}
