import { awsCli } from './support/clients.ts';
import { keyKindsFlow } from './support/key-kinds-flow.ts';

keyKindsFlow(awsCli);
