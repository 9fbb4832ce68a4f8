// SPDX-License-Identifier: Apache-2.0

package envelope

// A Preset is what one named mode of another client writes and reads. It is a
// plain value: change a copy to taste.
type Preset struct {
	Seal SealOptions // how that mode writes
	Open OpenOptions // what it reads
}

// RequireEncryptRequireDecrypt is the commitment policy of that name, and what
// zero options mean: writes V3, reads V3 only. Like all of these it also reads
// [Chunked], which no other client has.
//
// Source: S3 Encryption Client, "Key Commitment". It may be called
// concurrently.
func RequireEncryptRequireDecrypt() Preset { return Preset{} }

// RequireEncryptAllowDecrypt is the commitment policy of that name: writes V3;
// reads V3, and V2GCM with modern wraps (AllowUncommitted). Reading anything
// older takes further options, as it takes further switches there.
//
// Source: S3 Encryption Client, "Key Commitment". It may be called
// concurrently.
func RequireEncryptAllowDecrypt() Preset {
	return Preset{Open: OpenOptions{AllowUncommitted: true}}
}

// ForbidEncryptAllowDecrypt is the commitment policy of that name, for the
// time in which some readers know no V3 yet: writes V2GCM; reads like
// [RequireEncryptAllowDecrypt]. The commitment of V3 objects is still checked.
//
// Source: S3 Encryption Client, "Key Commitment". It may be called
// concurrently.
func ForbidEncryptAllowDecrypt() Preset {
	return Preset{Seal: SealOptions{Suite: V2GCM}, Open: OpenOptions{AllowUncommitted: true}}
}

// EncryptionOnly is the oldest mode: writes V2CBC, which nothing
// authenticates; reads everything that clients of its time wrote, and ranges
// (AllowUncommitted, AllowLegacyWraps, AllowLegacyCBC,
// AllowUnauthenticatedRanges; not AllowUnauthenticatedCTR, AllowPlaintext).
// Where the readers know V1 only, set Seal.Suite to [V1].
//
// Source: AWS SDK for Java 1.x, CryptoMode. It may be called concurrently.
func EncryptionOnly() Preset {
	return Preset{Seal: SealOptions{Suite: V2CBC}, Open: readsEverything()}
}

// AuthenticatedEncryption is the middle mode: writes V2GCM; reads like
// [EncryptionOnly].
//
// Source: AWS SDK for Java 1.x, CryptoMode. It may be called concurrently.
func AuthenticatedEncryption() Preset {
	return Preset{Seal: SealOptions{Suite: V2GCM}, Open: readsEverything()}
}

// StrictAuthenticatedEncryption is the strictest of the old modes: writes
// V2GCM; reads GCM content under every wrap of its time, and V3
// (AllowUncommitted, AllowLegacyWraps), but no CBC and no ranges. Its
// successor reads modern wraps only: that is [ForbidEncryptAllowDecrypt].
//
// Source: AWS SDK for Java 1.x, CryptoMode. It may be called concurrently.
func StrictAuthenticatedEncryption() Preset {
	return Preset{
		Seal: SealOptions{Suite: V2GCM},
		Open: OpenOptions{AllowUncommitted: true, AllowLegacyWraps: true},
	}
}

func readsEverything() OpenOptions {
	return OpenOptions{
		AllowUncommitted:           true,
		AllowLegacyWraps:           true,
		AllowLegacyCBC:             true,
		AllowUnauthenticatedRanges: true,
	}
}
