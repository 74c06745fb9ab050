"""Classifies a folder as `catdog classify` does, and prints what it took as one JSON object.

    python -m benchmarks.classify_once MODEL.catdog FOLDER CATALOG [--precision P] [--only STAGE]

Imports are left out of the seconds, as the peer leaves them out of its own. STAGE measures one
half alone: `decoding`, or `inference` on photos that were decoded before.
"""

if __name__ == "__main__":
    # Decoding processes import the main module, which is as light as the program's own.
    from benchmarks.one_classification import main

    main()
