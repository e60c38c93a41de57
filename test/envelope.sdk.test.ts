import { javascriptSdk } from './support/clients.ts';
import { envelopeFlow } from './support/envelope-flow.ts';

envelopeFlow(javascriptSdk);
