// SPDX-License-Identifier: Apache-2.0

// Package fuzz holds native fuzz targets over the public API, each against an
// oracle: the one-shot functions of crypto/cipher, the inverse operation,
// another implementation, or the reference reader of package testkit. And it
// holds what is tried on all formats alike.
//
//	go test ./fuzz                                    # the seeds only
//	go test -fuzz '^FuzzGCM$' -fuzztime 1m ./fuzz     # and on from there
//	S3SEAL_LONG=1 go test -run TestFuzzLong ./fuzz    # each target for 15 s
//	S3SEAL_LONG=1 go test -run TestTampered ./fuzz    # a million alterations
//
// S3SEAL_FUZZTIME is another time for the fuzz targets, S3SEAL_FUZZCACHE a folder
// in which what they have learned is kept for the next run. What one finds is written
// to testdata/fuzz, where it is a seed from then on.
//
// # What is proved where
//
// Each line names a property (P), an attack that was made on a client of this
// kind (A), on the structure of objects (B) or on a primitive (C), a fault of a
// storage, disk or process (F), a rule about what is secret (H), or a limit (L).
// Below it are tests that fail when it does not hold, or succeeds; a name after
// the slash is how their cases of it begin. TestConstantTime has a list of its own:
// all comparisons of bytes there are, and which of them are of secrets.
//
//	P1   writers: any split of the calls makes the same ciphertext
//	     stream: TestSplitWrites, TestWriterMachine, TestSizesAroundEdges
//	     stream/chunked: TestSplits, TestConformance
//	     stream/dare: TestOracleProperty, TestConformance
//	P2   readers: any buffers yield the same plaintext, and never 0, nil
//	     stream: TestSplitReads, TestReaderMachine, TestIOTest
//	     stream/chunked: TestSplits, TestConformance
//	     stream/dare: TestConformance
//	P3   sources that stutter, lie about counts or stand still
//	     stream: TestIOTest, TestNoProgress, TestLyingCounts, TestTimeout
//	     stream: TestPanics
//	     stream/chunked: TestConformance
//	     stream/dare: TestConformance, TestPanic
//	     fuzz: FuzzPipelineFaults
//	P4   a source that fails at any byte: its error, wrapped, and no end is written
//	     stream: TestSourceErrors, TestReaderSourceErrors
//	     stream/chunked: TestSourceErrors
//	     stream/dare: TestSourceErrors
//	     envelope: TestSourceErrors
//	     backend: TestPutSourceError
//	P5   a sink that fails at any byte: its error, for ever
//	     stream: TestSinkErrors, TestWriteToSinkErrors
//	     stream/chunked: TestConformance
//	     stream/dare: TestConformance
//	     backend: TestSinkFailsWithEOF
//	P6   cut after any byte
//	     stream: TestTruncation, TestCBCTruncation, TestCBCRagged, TestRangeCut
//	     stream: TestCTRMalleable
//	     stream/chunked: TestEveryTruncation
//	     stream/dare: TestTruncation
//	     envelope: TestTruncations, TestOwnTruncations
//	     fuzz: TestTampered
//	P7   any bit flipped, of bodies, wrapped keys and headers
//	     stream: TestBitFlips, TestCBCBitFlips, TestCTRMalleable
//	     stream/chunked: TestEveryBit
//	     stream/dare: TestBitFlips
//	     wrap: TestAESGCMEveryBit, TestAESKeyWrapEveryBit, TestRSAOAEPEveryBit
//	     wrap: TestKMSTampered
//	     envelope: TestBitFlips, TestOwnBitFlips, TestContextBitFlips
//	     envelope: TestUnauthenticatedNeverPanics
//	     fuzz: TestTampered
//	P8   lengthened, moved, doubled, dropped, of two objects
//	     stream: TestAppended, TestSwappedChunks, TestUnverifiedPartsExchanged
//	     stream: TestMutated
//	     stream/chunked: TestChunksMoved, TestSplice, TestExtended
//	     stream/dare: TestMovedPackages, TestForgedHeaders, TestTamperProperty
//	     envelope: TestOwnRearranged
//	     fuzz: FuzzChunked, FuzzDARE
//	P9   Close twice, without Write, before the end; Write after it
//	     stream: TestClose, TestAbort, TestWriterMachine
//	     stream/chunked: TestConformance
//	     stream/dare: TestConformance, TestEmpty
//	     envelope: TestClose, TestCloseInside
//	     backend: TestWriterClose, TestObject
//	P10  what was not closed is not valid
//	     stream: TestDropped, TestAbort
//	     stream/chunked: TestDropped
//	     stream/dare: TestDropped
//	     backend: TestPutHoldsBackTheEnd, TestWriterDropped, TestWriterAbort
//	P11  arguments are not kept, not changed, not exceeded
//	     stream: TestWriteKeepsOut, TestReadKeepsInside, TestSpareCapacity
//	     stream: TestArgumentsCopied
//	     stream/chunked: TestRetainsNothing, TestReaderAtRetainsNothing
//	     stream/dare: TestKeyNotRetained, TestWeakBuffer
//	     wrap: TestKeysLeaveInputsAlone
//	P12  reading at offsets: the slice, by many at once, with few bytes fetched
//	     stream: TestReadAtEveryRange, TestReadAtRandom, TestReadAtConcurrent
//	     stream: TestReadAtThrift
//	     stream/chunked: TestReaderAtProperties, TestReaderAtConcurrently
//	     stream/chunked: TestReaderAtFetches
//	     stream/dare: TestParallelReadAt, TestConformance
//	     envelope: TestReaderAt, TestOwnReaderAt
//	     backend: TestReaderAt, TestReaderAtConcurrent
//	P13  many at once, with keys in common
//	     envelope: TestManyShareKeys, TestConcurrentReaders
//	     wrap: TestConcurrentUse, TestKMSCacheConcurrent
//	     stream: TestConcurrentStreams
//	P14  a context that ends: at once, with its error, and nothing left
//	     backend: TestPutCancelledAnywhere, TestWriterCancel, TestGetCancelled
//	     backend: TestResumeCancelled, TestCancelledAnywhere
//	     backend/s3: TestCancelDuringUpload, TestCancelWhileStuck
//	P15  no goroutine and no open file is left
//	     stream/internal/engine: TestRunIsLeft, TestManyRuns
//	     backend: TestDescriptorsOfThousand, TestPutCancelledAnywhere
//	     backend: TestDownloadDescriptors
//	     backend/dir: TestDescriptors
//	     backend/s3: TestSoak
//	     envelope: TestSpoolOpenFiles
//	P16  keys are cleared, and printed nowhere
//	     stream: TestSecretsCleared, TestPartsCleared, TestPrintsNothing
//	     stream/chunked: TestWriterCleared, TestReaderCleared, TestPrintsNothing
//	     stream/dare: TestBuffersCleared, TestSealingCleared, TestPrintsNothing
//	     wrap: TestKeysAreNotPrinted, TestKMSKEKIsCleared
//	     wrap/legacy: TestKeysAreNotPrinted, TestRejectionIsNotPrinted
//	     wrap/localkms: TestKeysAreNotPrinted
//	     envelope: TestNoKeyIsPrinted, TestKeysAreCleared, TestRewrapClears
//	     backend: TestPrintsNothing
//	     fuzz: TestEveryTypeIsSilent
//	P17  memory does not grow with the object
//	     stream: TestConstantMemory, TestWriteAllocations, TestReadAllocations
//	     stream: TestBufferLimit
//	     stream/chunked: TestConstantMemory, TestAllocations
//	     stream/dare: TestConstantMemory
//	     envelope: TestBufferLimit, TestCloseFrees
//	     backend: TestConstantMemory
//	     backend/s3: TestSpoolMemory
//	     backend/bulk: TestMigrateMemory, TestAuditMemory
//	P18  metadata: what is written is read, and only what the reference admits
//	     envelope: TestParseModel, TestHeaderRoundTrip, TestInstructionModel
//	     envelope: TestMutantHeaders, TestMutantFiles
//	     fuzz: FuzzMetadataParse, FuzzInstructionJSON, FuzzS3DoubleEncoding
//	P19  the same random bytes make the same object
//	     envelope: TestSameRandomSameObject, TestObjectDigests
//	     stream/chunked: TestWycheproofEncryption, TestSaltIsRandom
//	     stream/dare: TestNonces
//	P20  no CEK, IV, message ID or nonce twice
//	     fuzz: TestNothingTwice
//	     envelope: TestNothingTwice, TestSealersDiffer
//	     stream/chunked: TestSaltsDiffer
//
//	A1   padding oracle of CBC
//	     stream: TestOneError
//	     envelope: TestAttackA1PaddingOracle, TestAttackA1OracleDecrypts
//	     backend: TestAttackBucket/A1
//	     cmd/s3seal: TestAttackOpen/A1
//	A2   GCM content relabelled as CBC, CTR or ECB
//	     wrap: TestAttackA2Binding
//	     envelope: TestAttackA2Relabel, TestAttackA2RelabelCTR
//	     envelope: TestAttackA2EveryWrap
//	     backend: TestAttackBucket/A2
//	     cmd/s3seal: TestAttackOpen/A2
//	A3   functions of the plaintext in metadata
//	     backend: TestAttackA3Fingerprints, TestAttackA3Found
//	     backend: TestNothingOfThePlaintextLeaves
//	     cmd/s3seal: TestAttackA3Sealed
//	A4   key ID or second key chosen by the object
//	     wrap: TestAttackForeignKMSKey
//	     wrap/legacy: TestAttackForeignKMSKey
//	     wrap/awskms: TestAttackForeignKMSKey
//	     envelope: TestAttackA4ForeignKey, TestAttackA4TwoKeys
//	     backend: TestAttackBucket/A4
//	     cmd/s3seal: TestAttackA4ForeignKey
//	A5   wrapped key exchanged, one body under two keys
//	     envelope: TestAttackA5Salamander, TestAttackA5InstructionFile
//	     envelope: TestAttackA5Swap, TestAttackA5Limit
//	     backend: TestAttackBucket/A5, TestAttackA5InstructionFile
//	     cmd/s3seal: TestAttackA5File
//	A6   names of another format
//	     envelope: TestAttackA6Spoofing, TestAttackA6PolicyGate
//	     backend: TestAttackBucket/A6
//	     cmd/s3seal: TestAttackOpen/A6
//	A7   commitment altered or ignored
//	     envelope: TestAttackA7Commitment, TestAttackA7InstructionFile
//	     envelope: TestAttackA7IgnoredCommitment
//	     backend: TestAttackBucket/A7
//	     cmd/s3seal: TestAttackOpen/A7
//	A8   wrap or context downgraded
//	     wrap/legacy: TestAttackKMSRelabelled
//	     envelope: TestAttackA8WrapDowngrade, TestAttackA8InstructionFile
//	     envelope: TestAttackA8Context, TestAttackA8Reserved
//	     envelope: TestAttackA8OtherFormat, TestGoldenTable
//	     backend: TestAttackBucket/A8
//	     cmd/s3seal: TestAttackOpen/A8
//	A9   oracle of PKCS #1 v1.5, and of RSA without padding
//	     wrap/legacy: TestAttackRSARawOracle, TestRSAPKCS1Oracle
//	     envelope: TestAttackA9Bleichenbacher, TestAttackA9EveryPlace
//	     backend: TestAttackBucket/A9
//	     cmd/s3seal: TestAttackA9OneAnswer
//	A10  one IV for two attempts
//	     envelope: TestAttackA10Retry, TestSealReaderCannotRewind
//	     backend/s3: TestRetriesSendTheSameBytes
//	     backend/s3: TestRetriesSendTheSameCiphertext
//	A11  policy remembered from another object
//	     wrap/localkms: TestAttackPolicyBehindCache
//	     envelope: TestAttackA11PolicyPerObject, TestAttackPolicyBeforeKeys
//	A12  a storage that lies, and alters what it keeps
//	     backend: TestPutLyingDriver, TestResumePutInfo, TestResumeShorterObject
//	     backend/s3: TestFlipDownloads, TestFlipRanges, TestFlipDownloadedFields
//	     backend/s3: TestAlteredOnTheWire
//	B1   plaintext before it is verified
//	     stream: TestHeldBack
//	     envelope: TestAttackB1UnverifiedPlaintext, TestUnverifiedTamper
//	     envelope: TestReleaseAltered, TestTwoPassSwapped
//	     backend: TestAttackBucket/B1
//	     cmd/s3seal: TestAttackOpen/B1
//	B2   truncated or extended
//	     envelope: TestTruncations, TestOwnTruncations
//	     backend: TestAttackBucket/B2
//	     cmd/s3seal: TestAttackOpen/B2
//	     fuzz: TestTampered
//	B3   ranges, which nothing authenticates
//	     stream: TestEveryRange, TestRangeMalleable, TestReadAtMalleable
//	     envelope: TestRanges, TestAttackB3RangeMalleability, TestRangePolicy
//	     backend: TestAttackB3Bucket
//	B4   lengths and sizes that metadata claims
//	     envelope: TestAttackB4Hints, TestAttackB4Allocation, TestAttackB4Zeros
//	     envelope: TestAttackZeroNonce
//	     backend: TestAttackBucket/B4, TestHostileSizes
//	     cmd/s3seal: TestAttackOpen/B4
//	B5   object copied over another
//	     envelope: TestAttackB5SwapIsNotDetected, TestBinding
//	     backend: TestAttackB5Copy
//	B6   what lies where an instruction file would be
//	     envelope: TestAttackB6Suffix
//	     backend: TestAttackB6Reader, TestAttackB6Keys, TestAttackB6Delete
//	     backend: TestHostileInstructionFiles
//	     backend: TestAttackSidecar
//	B7   more than one spelling
//	     envelope: TestAttackB7CanonicalBase64, TestAttackB7Duplicates
//	     envelope: TestAttackB7OneSpelling
//	     backend: TestAttackBucket/B7
//	     cmd/s3seal: TestAttackOpen/B7
//	     fuzz: FuzzS3DoubleEncoding
//	B8   plain objects
//	     envelope: TestAttackB8Plaintext
//	     backend: TestAttackBucket/B8, TestAttackB8InstructionFile
//	     backend: TestCiphertextIsNoPlaintext
//	     cmd/s3seal: TestAttackOpen/B8
//	C1   the most bytes that GCM may encrypt
//	     stream: TestGCMLimitWrite, TestGCMLimitRead, TestGCMPartsLimit
//	     backend: TestPutTooLarge
//	C2   nonces of wrapped keys, and IVs, are random and for one use
//	     wrap: TestAESGCMNonces
//	     envelope: TestSealerOnce
//	     fuzz: TestNothingTwice
//	C3   the counter of CTR, of 32 and of 128 bits
//	     stream: TestCounters, TestCTRRangeLimit, TestCTRReader, TestGCMReaderAtFar
//	     fuzz: FuzzCTRRange
//	C4   RFC 3394: sizes, check value, one error
//	     wrap: TestAESKeyWrapRFC3394, TestAESKeyWrapSizes, TestAESKeyWrapWycheproof
//	     wrap: TestAESKeyWrapIsNotKWP
//	     fuzz: FuzzKeyUnwrap
//	C5   OAEP: three profiles, exact payload, sizes of keys
//	     wrap: TestRSAOAEPPayload, TestRSAOAEPWycheproofProfiles, TestRSASizes
//	     wrap/legacy: TestRSAOAEPSHA256Profiles, TestRSASizes
//	     fuzz: FuzzOAEPPayload
//	C6   CBC in parts: in order, once, the same bytes again
//	     stream: TestParts, TestPartChanged, TestPartsMissing, TestPartsEnd
//	     envelope: TestPartsOnce, TestPartsChanged
//
//	F1   a body that breaks off at any byte
//	     backend: TestResumeEveryByte, TestGetTruncated
//	     backend/s3: TestDownloadBreaks, TestDownloadResets, TestSchedules
//	F2   refusals that pass, or do not
//	     backend/s3: TestReadsRetry, TestStorageFails, TestRetriesSendTheSameBytes
//	     backend/s3: TestSchedules
//	F3   a body of another length than announced
//	     backend: TestBodyReaderSize, TestBodyReaderLimit
//	     backend/s3: TestBodyEndsEarly, TestAnswersWithoutLengthOrETag
//	F4   ranges that are ignored, moved or of another length
//	     backend/s3: TestServerIgnoresRange, TestWrongRanges
//	     backend/s3: TestRangeOfWrongLength, TestDownloadRangesIgnored
//	F5   objects that are replaced meanwhile
//	     backend: TestGetRangeChanged, TestReaderAtChanged, TestInstructionChanged
//	     backend: TestSidecarChanged, TestInstructionAnotherSize
//	     backend/s3: TestServerIgnoresIfMatch, TestDownloadChanged
//	F6   a source that fails, panics or ends too early during a put
//	     backend: TestPutSourceError, TestWriterSourcePanics, TestPutWrongSize
//	     backend/s3: TestSourceFails, TestSourcePanics, TestDeclaredSizeIsWrong
//	F7   the end of an upload whose answer is an error, or lost
//	     backend/s3: TestCompleteFailsWith200, TestAnswerToCompleteIsLost
//	     backend/s3: TestCompleteSettles
//	F8   a process that is killed
//	     backend: TestResumeCrashes, TestResumePowerCut, TestGetFileSyncs
//	     backend: TestResumeKilledThenPowerCut, TestAbortStaleAborts
//	     backend/dir: TestKilledPut, TestKilledUpload, TestDurable
//	     cmd/s3seal: TestKill
//	F9   a context that ends at any step
//	     backend: TestPutCancelledAnywhere, TestInstructionPutCancelled
//	     backend: TestGetFileCancelled
//	     backend/s3: TestCancelDuringUpload, TestCancelledBodies
//	F10  instruction files and a KMS that are gone, slow or wrong
//	     envelope: TestInstructionSource, TestInstructionGarbage
//	     envelope: TestAttackB6Suffix, TestSealerGeneratorFails
//	     backend: TestInstructionMissing, TestInstructionUnreadable
//	     backend: TestInstructionHuge, TestHostileInstructionFiles
//	     backend: TestSidecarKeyErrors
//	     wrap: TestKMSErrorsPassThrough, TestKMSMisbehaving
//	     wrap/awskms: TestErrors, TestNotReached
//	F11  a clock that is wrong, credentials that have expired
//	     backend/s3: TestSchedules
//	F12  parts in another order, twice, many at once
//	     stream: TestParts, TestUnverifiedParts
//	     envelope: TestUnverifiedPartsTwice
//	     backend/s3: TestConcurrency, TestConcurrentPutsOfParts
//	F13  disks that are full, folders that are read-only, files left behind
//	     envelope: TestSpoolDiskFull, TestSpoolFileFaults, TestSpoolOpenFiles
//	     envelope: TestSpoolCiphertext
//	     backend: TestDownloadDiskFull, TestGetFileFailure, TestGetFileDiskFails
//	     backend/dir: TestFullDevice, TestReadOnly, TestSweep
//
//	H1   what is secret is compared in constant time: the padding of PKCS #7, the
//	     check value of RFC 3394, tags, commitments, payloads of OAEP, and PKCS #1 v1.5
//	     by implicit rejection
//	     fuzz: TestConstantTime
//	     stream: TestPadding, TestCBCRangePadding, TestSecondPassAltered
//	     stream/chunked: TestWrongKeyOrContext
//	     wrap: TestAESKeyWrapEveryBit, TestRSAOAEPPayload
//	     wrap/legacy: TestAESECBEveryPadding, TestRSAPKCS1StandIn, TestRSAPKCS1Oracle
//	     wrap/legacy: TestAttackRSARawOracle
//	     wrap/localkms: TestRejected
//	     envelope: TestAttackA7Commitment
//	     envelope/dare: TestEmptied
//	H2   one error of one text for whatever content decides once a key was used
//	     stream: TestOneError
//	     wrap: TestAESKeyWrapEveryBit, TestAESGCMEveryBit, TestRSAOAEPEveryBit
//	     wrap: TestKMSTampered
//	     wrap/legacy: TestAESECBEveryBit, TestKMSPlainErrors
//	     wrap/localkms: TestRejected
//	     wrap/awskms: TestErrors
//	     envelope: TestWrongKey, TestAttackA1PaddingOracle, TestAttackA9EveryPlace
//	     backend: TestOneErrorTextAfterKeyUse
//	     cmd/s3seal: TestAttackA9OneAnswer
//	H3   keys are printed by no verb, log, error or panic
//	     stream: TestPrintsNothing, TestPartsPrintNothing, TestPartStateRedacted
//	     stream: TestScanPrintsNothing
//	     stream/chunked: TestPrintsNothing
//	     stream/dare: TestPrintsNothing
//	     wrap: TestKeysAreNotPrinted, TestKMSKeysAreNotPrinted
//	     wrap: TestObservedKMSPrintsNothing
//	     wrap/legacy: TestKeysAreNotPrinted, TestRejectionIsNotPrinted
//	     wrap/localkms: TestKeysAreNotPrinted
//	     wrap/awskms: TestPrintsNothing
//	     envelope: TestNoKeyIsPrinted
//	     envelope/dare: TestParamsPrintNothing
//	     backend: TestPrintsNothing
//	     fuzz: TestEveryTypeIsSilent, TestEveryKeyIsSilent, TestEveryKindIsSilent
//	     fuzz: TestDriverHidesCredentials
//	H4   CEKs, and what is derived from them, are cleared where Go allows it
//	     stream: TestSecretsCleared, TestOpenerCleared, TestVerifyCleared
//	     stream: TestCBCCleared, TestPartsCleared, TestUnverifiedPartsCleared
//	     stream: TestScanCleared, TestPieceTagCleared
//	     stream/chunked: TestWriterCleared, TestReaderCleared, TestKeyForgotten
//	     stream/dare: TestBuffersCleared, TestSealingCleared
//	     wrap: TestKMSKEKIsCleared, TestKMSCacheClear
//	     envelope: TestKeysAreCleared, TestRewrapClears, TestWriteCacheClear
//	H5   files that hold keys, or say what was sealed, are the owner's alone
//	     wrap/localkms: TestFilePermissions
//	     backend: TestResumeStateMode
//	     backend/bulk: TestJournalOther, TestJournalOwner
//	     cmd/s3seal: TestKeygenAES, TestKeygenRSA, TestKeyFileWarning
//	H6   temporary files have mode 0600, and no name where the system allows it
//	     internal/tempfile: TestFile, TestNamed, TestCreateFails
//	     envelope: TestSpoolOpenFiles, TestSpoolName, TestSpoolCiphertext
//	     backend: TestGetFileReplaces, TestGetFileFailure
//	     backend/s3: TestSpoolIsLeft
//	     cmd/s3seal: TestInterruptedSpool
//
//	L1   lengths, sizes and offsets that somebody claims, up to 2^63-1 and below 0
//	     stream: TestSizes, TestReaderAtSizes, TestCBCSizeLimit
//	     stream: TestCBCCiphertextRange, TestCTRRangeLimit
//	     stream/chunked: TestSizesRefused, TestRangesRefused, TestReaderAtArguments
//	     stream/dare: TestSizesRefused
//	     wrap: TestAESKeyWrapSizes, TestAESGCMOtherLengths, TestRSASizes
//	     envelope: TestAttackB4Hints, TestAttackB4Allocation, TestDeclaredSize
//	     backend: TestHostileSizes, TestBodyReaderHostile, TestGetRangeExtremes
//	     backend: TestHandlerHostileRanges
//	     backend/s3: TestDeclaredSizeIsWrong
//	L2   texts and files over their limit: 64 KiB of a value, of an instruction file,
//	     of a key file and of a request to a KMS, 8 KiB of a sidecar, 1 MiB of a record
//	     of a folder and of a line of a journal
//	     envelope: TestHostileTexts, TestInstructionSource, TestMatDescStrictForm
//	     backend: TestInstructionHuge, TestSidecarForms, TestSidecarBlobs
//	     backend: TestMetadataLimit, TestInstructionMetadataLimit
//	     backend/dir: TestDamagedRecord
//	     backend/bulk: TestJournalHostile, TestManifestHostile
//	     wrap/localkms: TestServerErrors, TestFileIsStrict
//	     cmd/s3seal: TestSmallFiles, TestInstructionStreamsRefuse
//	L3   JSON that is deep, long or full of names: a typed error, soon
//	     envelope: TestHostileTexts
//	     backend: TestHostileInstructionFiles
//	     backend/dir: TestDamagedRecord
//	     backend/bulk: TestJournalHostile, FuzzReadJournal
//	     wrap/localkms: TestServerErrors, TestFileIsStrict
//	     fuzz: FuzzInstructionJSON, FuzzMetadataParse
//	L4   objects of 10,000 parts, and of a byte more
//	     backend: TestMostParts, TestPartNumbers, TestPartsOverLimits
//	     backend/s3: TestTooLarge, TestPartsGrowLate, TestMaxSize
//	L5   counters at their edges: 2^32 blocks, the last byte of a format, 2^128
//	     stream: TestCounters, TestGCMLimitWrite, TestGCMLimitRead, TestGCMPartsLimit
//	     stream: TestCTRRangeLimit, TestPlainCTRCounter, TestGCMReaderAtFar
//	     stream/chunked: TestLimits, TestVast, TestNonce
//	     stream/dare: TestLimit, TestVastReaderAt
//	     envelope: TestRangeLimit, TestOwnRangeVast
//	     backend: TestPutTooLarge, TestPutMaxSizeOfAnySize
//	L6   bodies and plaintexts of 0 bytes
//	     stream: TestEverySize, TestPartsEmpty, TestScanEverySize
//	     stream/chunked: TestEverySizeInverts, TestEdges
//	     stream/dare: TestEmpty
//	     envelope: TestRoundTrip, TestTruncations, TestReleaseTwice
//	     envelope/dare: TestEmpty, TestEmptied, TestEmptyUnannounced
//	     backend: TestRoundTrip, TestDownloadSizes
//	     backend/s3: TestDownloadEmpty
//	L7   memory is bounded by what a reader allows, not by what is sent
//	     stream: TestBufferLimit, TestConstantMemory
//	     stream/chunked: TestConstantMemory
//	     envelope: TestBufferLimit, TestHostileTexts, TestSpoolLimit
//	     backend: TestHostileSizes, TestHostileInstructionFiles
//	     backend/s3: TestSpoolMemory, TestAnswersEnd, TestListEnds
//	     backend/s3: TestListPartsEnds, TestListUploadsEnds
//	     backend/bulk: TestManifestMemory, TestJournalMemory, TestAuditMemory
package fuzz
