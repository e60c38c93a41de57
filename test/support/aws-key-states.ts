import type { KeyState } from '@aws-sdk/client-kms';

/**
 * The table of AWS's developer guide, "Key states of AWS KMS keys", as its page has it, footnotes and all. It is a second
 * source beside `src/keys/key-state-table.ts`, written down without looking there, so that the two cannot be wrong alike.
 * Of `Creating` and `Updating` there is nothing here: no client can hold a key in them.
 *
 * `ok` succeeds. The numbers are the page's own: 1 is disabled; 3 is pending deletion; 4 is not pending deletion; 5 is pending
 * import; 11 is unavailable. `?` depends on more than the state, which the operation's own test file has to tell.
 */
const PAGE = `
                                    Enabled Disabled PendingImport PendingDeletion PendingReplicaDeletion Unavailable
CancelKeyDeletion                   4       4        4             ok              ok                     4
CreateAlias                         ok      ok       ok            3               3                      ok
CreateGrant                         ok      1        5             3               3                      ok
Decapsulate                         ok      1        5             3               3                      11
Decrypt                             ok      1        5             3               3                      11
DeleteAlias                         ok      ok       ok            ok              ok                     ok
DeleteImportedKeyMaterial           ?       ?        ok            ?               ?                      ?
DeriveSharedSecret                  ok      1        5             3               3                      11
DescribeKey                         ok      ok       ok            ok              ok                     ok
DisableKey                          ok      ok       5             3               3                      ok
DisableKeyRotation                  ok      1        ?             3               3                      ?
EnableKey                           ok      ok       5             3               3                      ok
EnableKeyRotation                   ok      1        ?             3               3                      ?
Encapsulate                         ok      1        5             3               3                      11
Encrypt                             ok      1        5             3               3                      11
GenerateDataKey                     ok      1        5             3               3                      11
GenerateDataKeyPair                 ok      1        5             3               3                      11
GenerateDataKeyPairWithoutPlaintext ok      1        5             3               3                      11
GenerateDataKeyWithoutPlaintext     ok      1        5             3               3                      11
GenerateMac                         ok      1        5             3               3                      11
GetKeyLastUsage                     ok      ok       ok            ok              ok                     ok
GetKeyPolicy                        ok      ok       ok            ok              ok                     ok
GetKeyRotationStatus                ok      ok       ?             ok              ok                     ?
GetParametersForImport              ok      ok       ok            3               3                      ?
GetPublicKey                        ok      1        5             3               3                      11
ImportKeyMaterial                   ok      ok       ok            3               3                      ?
ListAliases                         ok      ok       ok            ok              ok                     ok
ListGrants                          ok      ok       ok            ok              ok                     ok
ListKeyPolicies                     ok      ok       ok            ok              ok                     ok
ListKeyRotations                    ok      ok       ok            ok              ok                     ok
ListResourceTags                    ok      ok       ok            ok              ok                     ok
PutKeyPolicy                        ok      ok       ok            ok              ok                     ok
ReEncrypt                           ok      1        5             3               3                      11
ReplicateKey                        ok      1        5             3               3                      11
RetireGrant                         ok      ok       ok            ok              ok                     ok
RevokeGrant                         ok      ok       ok            ok              ok                     ok
RotateKeyOnDemand                   ok      1        ?             3               3                      ?
ScheduleKeyDeletion                 ok      ok       ok            3               3                      ok
Sign                                ok      1        5             3               3                      11
TagResource                         ok      ok       ok            3               3                      ok
UntagResource                       ok      ok       ok            3               3                      ok
UpdateAlias                         ok      ok       ok            3               3                      ok
UpdateAliasFrom                     ok      ok       ok            ok              ok                     ok
UpdateKeyDescription                ok      ok       ok            3               3                      ok
UpdatePrimaryRegion                 ok      1        5             3               3                      11
Verify                              ok      1        5             3               3                      11
VerifyMac                           ok      1        5             3               3                      11
`;

export type ReachableState = Exclude<KeyState, 'Creating' | 'Updating'>;

/** The exception that AWS answers with, and its text. */
export interface Refusal {
  readonly name: string;
  readonly message?: string | RegExp;
}

export type StateExpectation = 'succeeds' | 'depends' | ((keyArn: string) => Refusal);

const [heading = '', ...lines] = PAGE.trim().split('\n');
export const reachableStates = heading.trim().split(/ +/) as ReachableState[];

const page = new Map(
  lines.map((line) => {
    const [operation = '', ...cells] = line.split(/ +/);
    return [operation, cells] as const;
  }),
);

/** What AWS's page says of an operation on a key in a state. Throws where the page has no such row. */
export function awsAnswers(operation: string, state: ReachableState): StateExpectation {
  const cell = page.get(operation)?.[reachableStates.indexOf(state)];
  switch (cell) {
    case 'ok':
      return 'succeeds';
    case '?':
      return 'depends';
    case '1':
      return (arn) => ({ name: 'DisabledException', message: `${arn} is disabled.` });
    case '3':
      return (arn) => invalidState(`${arn} is pending ${state === 'PendingDeletion' ? '' : 'replica '}deletion.`);
    case '4':
      return (arn) => invalidState(`${arn} is not pending deletion.`);
    case '5':
      return (arn) => invalidState(`${arn} is pending import.`);
    case '11':
      return (arn) => invalidState(`${arn} is unavailable.`);
    default:
      throw new Error(`the page says nothing of ${operation} on a key that is ${state}`);
  }
}

/** All operations of the page. */
export const operationsOfThePage: readonly string[] = [...page.keys()];

function invalidState(message: string): Refusal {
  return { name: 'KMSInvalidStateException', message };
}
