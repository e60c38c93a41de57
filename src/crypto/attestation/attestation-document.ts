import { type CborReader, readCbor } from './cbor-reader.ts';

/** The payload of a Nitro Enclaves attestation document, as it was read: syntax is checked, and nothing else. */
export interface AttestationDocument {
  readonly moduleId: string;
  /** When the document was made, by the hypervisor's clock. */
  readonly timestampMs: number;
  /** Platform configuration registers by their index, in lower-case hex. */
  readonly pcrs: ReadonlyMap<number, string>;
  /** The certificate whose key signed the document, DER. */
  readonly certificate: Uint8Array;
  /** The root's certificate, then each that the one before it issued, DER; the last one issued {@link certificate}. */
  readonly cabundle: readonly Uint8Array[];
  readonly publicKey: Uint8Array | undefined;
  readonly userData: Uint8Array | undefined;
  readonly nonce: Uint8Array | undefined;
}

const PCR_COUNT = 32;
const PCR_BYTES = [32, 48, 64];
const CERTIFICATE_MAX_BYTES = 1024;
/**
 * Of `public_key`, `user_data` and `nonce`. "attestation_process.md" says 1024 bytes in section 2.2 and 512 for the last two
 * in section 3.2.2.2. The Nitro Secure Module keeps to neither by itself: there are published documents with some 700
 * bytes of user data. So the wider of the two limits holds.
 */
const OPTIONAL_FIELD_MAX_BYTES = 1024;

/**
 * Reads the payload by "attestation_process.md" of aws-nitro-enclaves-nsm-api, section 3.2.2, and throws an `Error` where
 * it does not keep to it: a field that is missing, unknown, given twice, of another type or of a wrong size.
 */
export function readAttestationDocument(payload: Uint8Array): AttestationDocument {
  return readCbor(payload, (cbor) => {
    let moduleId: string | undefined;
    let digest: string | undefined;
    let timestampMs: number | undefined;
    let pcrs: ReadonlyMap<number, string> | undefined;
    let certificate: Uint8Array | undefined;
    let cabundle: readonly Uint8Array[] | undefined;
    let publicKey: Uint8Array | undefined;
    let userData: Uint8Array | undefined;
    let nonce: Uint8Array | undefined;

    // The page wants no field to be null, but the module itself writes null for an optional one that it was not given.
    const optional = (least: number) => cbor.nullOr(() => sized(cbor.bytes(), least, OPTIONAL_FIELD_MAX_BYTES));
    const names = new Set<string>();
    cbor.pairs(() => {
      const name = cbor.text();
      if (names.has(name)) throw new Error('a field is given twice');
      names.add(name);
      switch (name) {
        case 'module_id':
          moduleId = cbor.text();
          break;
        case 'digest':
          digest = cbor.text();
          break;
        case 'timestamp':
          timestampMs = cbor.uint();
          break;
        case 'pcrs':
          pcrs = readPcrs(cbor);
          break;
        case 'certificate':
          certificate = readCertificate(cbor);
          break;
        case 'cabundle':
          cabundle = readBundle(cbor);
          break;
        case 'public_key':
          publicKey = optional(1);
          break;
        case 'user_data':
          userData = optional(0);
          break;
        case 'nonce':
          nonce = optional(0);
          break;
        default:
          throw new Error('there is an unknown field');
      }
    });
    if (!moduleId) throw new Error('there is no module_id');
    if (digest !== 'SHA384') throw new Error('digest is not SHA384');
    if (!timestampMs) throw new Error('there is no timestamp');
    if (!pcrs) throw new Error('there are no pcrs');
    if (!certificate) throw new Error('there is no certificate');
    if (!cabundle) throw new Error('there is no cabundle');
    return { moduleId, timestampMs, pcrs, certificate, cabundle, publicKey, userData, nonce };
  });
}

function readPcrs(cbor: CborReader): ReadonlyMap<number, string> {
  const pcrs = new Map<number, string>();
  cbor.pairs(() => {
    const index = cbor.uint();
    if (index >= PCR_COUNT) throw new Error('a PCR has an index above 31');
    if (pcrs.has(index)) throw new Error('a PCR is given twice');
    const value = cbor.bytes();
    if (!PCR_BYTES.includes(value.length)) throw new Error('a PCR has a wrong size');
    pcrs.set(index, Buffer.from(value).toString('hex'));
  });
  if (pcrs.size === 0) throw new Error('pcrs is empty');
  return pcrs;
}

function readBundle(cbor: CborReader): readonly Uint8Array[] {
  const bundle: Uint8Array[] = [];
  cbor.items(() => bundle.push(readCertificate(cbor)));
  if (bundle.length === 0) throw new Error('cabundle is empty');
  return bundle;
}

function readCertificate(cbor: CborReader): Uint8Array {
  return sized(cbor.bytes(), 1, CERTIFICATE_MAX_BYTES);
}

function sized(bytes: Uint8Array, least: number, most: number): Uint8Array {
  if (bytes.length < least || bytes.length > most) throw new Error('a field has a wrong size');
  return bytes;
}
