import { DeleteCustomKeyStoreCommand } from '@aws-sdk/client-kms';
import { testUseOfStore } from '../support/custom-key-stores.ts';
import { sandboxOfThisFile } from '../support/sandbox.ts';

// There are no custom key stores yet. What else AWS documents of this operation comes with custody in hardware tokens.
testUseOfStore(sandboxOfThisFile(), 'DeleteCustomKeyStore', (kms, input) =>
  kms.send(new DeleteCustomKeyStoreCommand(input)),
);
