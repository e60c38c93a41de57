import { awsCli } from './support/clients.ts';
import { identityFlow } from './support/identity-flow.ts';

identityFlow(awsCli);
