// SPDX-License-Identifier: Apache-2.0

package fuzz_test

// comparisons are all places at which bytes are compared: file, function, how it
// compares and, behind a star, how often, and whether what is compared is secret,
// with the reason. A secret is what an attacker who can make someone open things,
// and watch the clock, must not learn: keys, plaintext, and what a tag or a check
// value should have been.
const comparisons = `
stream/pkcs7.go                 unpad                    subtle.ConstantTimeLessOrEq*3  secret  padding of PKCS #7
stream/pkcs7.go                 unpad                    subtle.ConstantTimeByteEq      secret  padding of PKCS #7
stream/gcm_open.go              gcmOpener.last           AEAD.Open                      secret  tag of GCM, in one piece
stream/gcm_open.go              gcmOpener.verify         subtle.ConstantTimeCompare     secret  tag of GCM, of several chunks
stream/gcm_scan_reader.go       verifiedFeed.finish      subtle.ConstantTimeCompare     secret  what the first pass has found, and a tag
stream/gcm_scan_reader.go       verifiedFeed.loadAll     AEAD.Open                      secret  tag of GCM, in the second pass
stream/parts_plan.go            partPlan.record          subtle.ConstantTimeCompare     secret  GHASH, or MAC, of a part
stream/partstate.go             stateSealer.open         AEAD.Open                      secret  tag of a part state
stream/chunked/key.go           unlock                   subtle.ConstantTimeCompare     secret  commitment
stream/chunked/run.go           schedule.openChunk       AEAD.Open                      secret  tag of a chunk
stream/dare/header.go           strand.admit             !=                             public  nonces of headers; sio opens the packages

wrap/aesgcm.go                  aesGCM.Unwrap            AEAD.Open                      secret  tag of a wrapped key
wrap/aeskw.go                   kwUnwrap                 subtle.ConstantTimeCompare     secret  check value of RFC 3394
wrap/oaep.go                    decryptOAEP              rsa.DecryptOAEP                secret  hash and padding of OAEP
wrap/oaep.go                    parseOAEPPayload         subtle.ConstantTimeCompare     secret  length, CEK and content algorithm
wrap/legacy/aesecb.go           isPadding                subtle.ConstantTimeByteEq      secret  padding of PKCS #7
wrap/legacy/aesecb.go           keySize                  subtle.ConstantTimeSelect      secret  padding of PKCS #7
wrap/legacy/rsaoaep.go          decryptOAEP              rsa.PrivateKey.Decrypt         secret  hash and padding of OAEP
wrap/legacy/rsapkcs1.go         rsaPKCS1Key.Unwrap       rsa.DecryptPKCS1v15SessionKey  secret  padding of PKCS #1 v1.5, rejected implicitly
wrap/legacy/rsaraw.go           rsaRawKey.choose         subtle.ConstantTimeByteEq      secret  zeros before a CEK
wrap/legacy/rsaraw.go           rsaRawKey.choose         subtle.ConstantTimeCopy        secret  a CEK, or its stand-in
wrap/legacy/rsaraw.go           rsaRawKey.Unwrap         big.Int.Cmp                    public  a wrapped key and a modulus
wrap/localkms/blob.go           masterKey.open           !=*2                           public  start of a blob, and its key tag
wrap/localkms/blob.go           masterKey.open           bytes.CutPrefix                public  start of a blob
wrap/localkms/blob.go           masterKey.openVersion    AEAD.Open                      secret  tag of a blob
wrap/localkms/file.go           replaceFile              subtle.ConstantTimeCompare     secret  the file of keys, with that in memory
wrap/localkms/server.go         readRequest              !=                             public  JSON of a request

envelope/content.go             openContent              subtle.ConstantTimeCompare     secret  commitment of V3
envelope/dare/dare.go           suite.Open               subtle.ConstantTimeCompare     secret  salt that stands in for a tag

backend/rewrap_check.go         checkedWrapper.Wrap      subtle.ConstantTimeCompare     secret  CEKs
backend/instruction.go          Bucket.inPlace           bytes.Equal                    public  instruction files
backend/instruction.go          Bucket.takeBack          bytes.Equal                    public  instruction files
backend/resume_file.go          diskState.check          !=                             public  start of a state file
backend/resume_send.go          resumable.isOurs         bytes.Equal*2                  public  IVs and wrapped keys, of metadata
backend/resume_state.go         decodeHead               !=                             public  start of a state file
backend/resume_state.go         decodeHead               bytes.Equal                    public  hash of what is in the clear, not keyed
backend/rewrap_store.go         rewrapping.same          bytes.Equal                    public  wrapped keys
backend/sidecar_put.go          Bucket.settle            bytes.Equal                    public  sidecars, which hold what a KMS has encrypted
backend/sidecar_put.go          encodeBlob               bytes.Equal                    public  a blob and what a reader would take it for
backend/stale.go                peekHead                 !=                             public  start of a state file
backend/bulk/journal_open.go    begin                    bytes.HasPrefix                public  header of a journal
backend/bulk/manifest.go        openManifest             ==                             public  start of a file, which may be gzip
backend/bulk/migrate_there.go   sameSealing              bytes.Equal                    public  IVs
backend/bulk/verify.go          verifier.once            !=                             public  hashes, which nobody comes nearer to byte by byte
backend/bulk/verify_list.go     sums.addSum              bytes.CutPrefix                public  mark of an escaped line

cmd/s3seal/aesfile.go           cutHeader                ==                             public  header of a key file, before the key
cmd/s3seal/aesfile.go           parseAESKey              bytes.HasPrefix*2              public  whether a file begins like a key file
cmd/s3seal/aesfile.go           onlyReading              bytes.HasPrefix                public  whether a file is PEM
cmd/s3seal/rsafile.go           openSSHPublic            bytes.HasPrefix                public  whether a file is a public key of OpenSSH
cmd/s3seal/doctor_key.go        sealAndOpen              bytes.Equal                    public  a plaintext that everybody knows
cmd/s3seal/doctor_write.go      probe.get                bytes.Equal                    public  a plaintext that is random and for one use
cmd/s3seal/migrate.go           migrateCmd.own           key.Equal                      public  public keys
`
